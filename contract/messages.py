"""The wire contract: everything a caller must know to start, steer and read a workflow, in any language.

Names of workflow types, updates, signals, queries and search attributes, the rule for workflow ids, and the messages. The
messages are JSON (pydantic) and grow only by optional fields. docs/temporal.md documents the same for readers of other
languages. Nothing here imports workflow code, so a client that imports this module starts none.
"""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from temporalio.common import SearchAttributeKey

from domain.cancellation.identity import Identity
from domain.cancellation.lifecycle import InputMalformed
from domain.civil_dates import CivilDate
from domain.lines.quote import Quote
from domain.marketing import CampaignAction, Consent, ConsentDecision, MarketingStage
from domain.migration import MigrationStage
from domain.refusals import RefusalDetails
from domain.vocabulary import Actor, CancellationId, EmailAddress, Identifier, Platform, Question, Reason, Stage

TASK_QUEUE = "offramp"

SUBSCRIPTION_CANCELLATION = "SubscriptionCancellation"
SUBSCRIPTION_LINE_DATES_UPDATE = "SubscriptionLineDatesUpdate"
MARKETING_SERVICE_CANCELLATION = "MarketingServiceCancellation"
MESSAGE_DELIVERY = "MessageDelivery"
"""Delivers what was noted of a case after its own workflow had ended; started by our client."""
ON_PREMISES_MIGRATION = "OnPremisesMigration"

# Updates of SubscriptionCancellation: each answers with the status afterwards, or is refused with the code as error type.
UPDATE_RECEIVE = "receive"
UPDATE_ANSWER = "answer"
UPDATE_SEND_CODE = "send_code"
UPDATE_VERIFY_CODE = "verify_code"
UPDATE_ATTEST = "attest"
UPDATE_APPROVE = "approve"
UPDATE_WITHDRAW = "withdraw"
UPDATE_CONSENT = "consent"
UPDATE_ACKNOWLEDGE_EXPORT = "acknowledge_export"
UPDATE_RENEW_EXPORT_LINK = "renew_export_link"
REQUEST_REVERSAL = "request_reversal"
"""Both an update, for callers who need the outcome, and a signal, for systems that fire and forget."""

ACKNOWLEDGE_STOP = "acknowledge_stop"
"""Both an update and a signal, of SubscriptionCancellation and MarketingServiceCancellation: the ad centre has stopped a
campaign."""

SIGNAL_DELIVER = "deliver"
"""Of MessageDelivery."""

# Updates of OnPremisesMigration, which answer likewise with its status.
UPDATE_ACCEPT = "accept"
UPDATE_CORRECT = "correct"
UPDATE_SEND_MIGRATION_LINK = "send_migration_link"
UPDATE_ACKNOWLEDGE_DOWNLOAD = "acknowledge_download"
UPDATE_REPORT_COMPLETED = "report_completed"

SIGNAL_MIGRATION_MOVED = "migration_moved"
"""From OnPremisesMigration to its cancellation."""

SIGNAL_CREDIT_MEMO_POSTED = "credit_memo_posted"

SIGNAL_HOLDS_CHANGED = "holds_changed"

QUERY_STATUS = "status"

QUERY_PROGRESS = "progress"
"""Of SubscriptionLineDatesUpdate: `domain.lines.runs.LineDatesProgress`, also its result; null until it has begun."""

SCHEDULED_START_TIME = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
"""Temporal's own: the instant for which a schedule started a workflow, also in a backfill."""

NIGHTLY_SCHEDULE = "subscription-line-dates"
"""The id of the schedule that runs SubscriptionLineDatesUpdate, and how its workflow ids begin."""

NIGHTLY_ACTOR = "nightly update"

STAGE = SearchAttributeKey.for_keyword("CancellationStage")
STAGE_DEADLINE = SearchAttributeKey.for_datetime("StageDeadline")
REVERSAL_DEADLINE = SearchAttributeKey.for_datetime("ReversalDeadline")
ORGANIZATION = SearchAttributeKey.for_keyword("Organization")
PLATFORM = SearchAttributeKey.for_keyword("Platform")
MIGRATION_STAGE = SearchAttributeKey.for_keyword("MigrationStage")
SEARCH_ATTRIBUTES: tuple[SearchAttributeKey[Any], ...] = (
    STAGE,
    STAGE_DEADLINE,
    REVERSAL_DEADLINE,
    ORGANIZATION,
    PLATFORM,
    MIGRATION_STAGE,
)


def cancellation_workflow_id(subscription: str) -> str:
    """Return the one workflow id under which a subscription can be cancelled."""
    return f"cancellation:{subscription}"


def marketing_workflow_id(organization: str) -> str:
    """Return the one workflow id under which an organization's marketing service can be cancelled alone."""
    return f"marketing-cancellation:{organization}"


def migration_workflow_id(subscription: str) -> str:
    """Return the one workflow id under which a subscription's data can be migrated."""
    return f"migration:{subscription}"


class Message(BaseModel):
    """Base of every message: immutable; fields it does not know are refused, so that a typing error is not lost."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# PostgreSQL keeps no zero character; and what somebody wrote is repeated in refusals, so it has a length.
AnswerText = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")]
QuestionName = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00]*$")]
Answers = Annotated[dict[QuestionName, AnswerText], Field(max_length=20)]


CampaignActions = Annotated[dict[Identifier, CampaignAction], Field(max_length=10_000)]


class Request(Message):
    """Base of what people and systems ask for."""

    actor: Actor
    """Who asks: an agent's or a system's name, no e-mail address."""


class Attestation(Message):
    """An agent vouches that the billing administrator is asking. The agent is the actor of the message."""

    reason: Reason
    """How the agent knows, for the audit trail: "called back on the number on file"."""


class Goodwill(Message):
    """The notice deadline shall be ignored, as a gesture. Needs a second person's approval."""

    reason: Reason


class StartCancellation(Request):
    """Input of SubscriptionCancellation, and of its update ``receive``."""

    subscription: Identifier
    request_id: str = Field(default="", max_length=200, pattern=r"^[^\x00]*$")
    """Tells one request from another; a repetition of the same request carries the same id."""
    answers: Answers = {}
    """Answers to questions of the checklist known already, by question name."""
    attestation: Attestation | None = None
    goodwill: Goodwill | None = None
    reason: Reason | None = None
    """Why the customer leaves, in their words."""
    campaign_actions: CampaignActions = {}
    """How each campaign is stopped, by its id, where ``campaigns`` is answered with ``stop``; paused if not named."""


class Answer(Request):
    """Answers to questions of the checklist: all of them are taken, or none."""

    answers: Answers = Field(min_length=1)
    campaign_actions: CampaignActions = {}
    """As in StartCancellation."""


class SendCode(Request):
    """Send a one-time code to the billing administrator on record."""


class VerifyCode(Request):
    """The one-time code that the billing administrator received."""

    code: str = Field(max_length=100)


class Attest(Request):
    """The actor vouches that the billing administrator is asking."""

    attestation: Attestation


class Approve(Request):
    """A second person agrees to the goodwill."""

    reason: Reason


class Withdraw(Request):
    """The customer changed their mind before the cancellation took effect."""

    reason: Reason


class RequestReversal(Request):
    """The customer changed their mind within the reversal window. Carries what the cancellation carried."""

    identity: Identity
    reason: Reason | None = None
    requested_at: AwareDatetime | None = None
    """When the customer asked, if that was earlier than now: a request made in time counts although it arrives late,
    as long as the case is not closed."""


class GiveConsent(Request):
    """The marketing service's own billing administrator agrees that its campaigns are stopped, or declines.

    Exactly one of ``link`` and ``attestation`` says how that is known.
    """

    decision: ConsentDecision
    link: str | None = Field(default=None, max_length=2000)
    """The token of the link that was mailed to them."""
    attestation: Attestation | None = None
    """An agent's word, where they answered in another way."""


class AcknowledgeStop(Request):
    """The ad centre has stopped a campaign, as it was asked to."""

    campaign: Identifier


class StartMarketingCancellation(Request):
    """Input of MarketingServiceCancellation, and of its update ``receive``."""

    organization: Identifier
    request_id: str = Field(default="", max_length=200, pattern=r"^[^\x00]*$")
    """Tells one request from another; a repetition of the same request carries the same id."""
    administrator: AnswerText
    """The address of the marketing service's own billing administrator; it must be the one on record."""
    campaign_actions: CampaignActions = {}
    """How each campaign is stopped, by its id; paused if not named."""
    attestation: Attestation | None = None
    """An agent's word that the administrator is asking; without it a one-time code is awaited."""
    reason: Reason | None = None


class CreditMemoPosted(Message):
    """A credit memo was posted; whoever waits for it looks again."""

    invoice: str


class AcknowledgeExport(Request):
    """The export was downloaded, and is where it is needed: from now on the data may be erased."""

    export: CancellationId
    """The cancellation whose export it is, so that an acknowledgement cannot end at another case."""


class RenewExportLink(Request):
    """Mail a fresh link to the export to the billing administrator on record."""

    export: CancellationId


class RequestMigration(Request):
    """Input of OnPremisesMigration, which its cancellation starts."""

    cancellation: CancellationId


class AboutMigration(Request):
    """Base of what is said to a migration: which cancellation it is about, so that nobody answers for another case."""

    cancellation: CancellationId


class AcceptMigration(AboutMigration):
    """The support queue takes the request on."""

    contact: EmailAddress
    """The IT department's address, which is notified and downloads the data."""
    transfer_at: datetime
    """When to transfer: an instant with its offset, or a civil date and time in the organization's zone without one."""


class CorrectMigration(AboutMigration):
    """Something is put right; what is left out stays. At least one of the three is there."""

    reason: Reason
    contact: EmailAddress | None = None
    """The right address: it is told at once what the wrong one was told."""
    transfer_at: datetime | None = None
    """Another time, before the transfer begins, or for the transfer that is asked for again."""
    transfer_again: bool = False
    """What was transferred is removed, and transferred anew as the data is then."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.contact is None and self.transfer_at is None and not self.transfer_again:
            raise ValueError("one of contact, transfer_at and transfer_again is needed")
        return self


class SendMigrationLink(AboutMigration):
    """The IT department needs a fresh link."""


class AcknowledgeMigration(AboutMigration):
    """The IT department has downloaded the data."""

    transfer: int = Field(ge=1)
    """Which transfer, as the mail says: an acknowledgement of one that was replaced meanwhile is refused."""


class ReportMigrationCompleted(AboutMigration):
    """The data is in use on premises: the cancellation may go on."""


class MigrationMoved(Message):
    """Where a migration stands, for the cancellation that waits for it."""

    stage: MigrationStage
    waiting_for: str
    deadline: AwareDatetime | None = None


class UpdateLineDates(Message):
    """Input of SubscriptionLineDatesUpdate; all of it may be left out. At most one contract or subscription is named."""

    as_of: CivilDate | None = None
    """The day as of which lines are updated. Left out: the scheduled day, also in a backfill; without a schedule, today."""
    zone: str | None = None
    """The IANA zone of the scheduled day and of today; left out, the worker's (``OFFRAMP_NIGHTLY_ZONE``)."""
    customer_contract: str | None = None
    vendor_contract: str | None = None
    subscription: Identifier | None = None
    actor: Actor = NIGHTLY_ACTOR
    """Who asks, for the audit trail."""


class ExportStatus(StrEnum):
    """How far the export of the data is."""

    RUNNING = "running"
    READY = "ready"
    ACKNOWLEDGED = "acknowledged"
    ERASED = "erased"


class CancellationStatus(BaseModel):
    """Where one cancellation stands: the answer of the query ``status``, of every update, and of the workflow itself."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    subscription: Identifier
    organization: Identifier
    time_zone: str
    stage: Stage
    request_id: str
    """The request that opened this cancellation; another one means it was running already."""
    received_at: datetime
    waiting_for: str
    """What happens next, and who has to do something for it; empty in a final stage."""
    stage_deadline: datetime | None = None
    """When the stage ends by itself (UTC)."""
    open_questions: tuple[Question, ...] = ()
    verified: bool = False
    termination_date: date | None = None
    access_ended_on: date | None = None
    reversal_deadline: datetime | None = None
    """From this instant (UTC) on a reversal is too late."""
    quote: Quote | None = None
    outstanding_credit_memos: tuple[str, ...] = ()
    """Invoices that must be credited first, in the order in which to credit them."""
    marketing_consent: Consent | None = None
    """How it stands with the consent of the marketing service's own administrator; null where none is needed."""
    campaigns_stopped: tuple[str, ...] | None = None
    """The campaigns that the ad centre was asked to stop; empty: nothing was left to stop; null: nobody asked (yet)."""
    campaigns_outstanding: tuple[str, ...] = ()
    """Those of them that it has not acknowledged."""
    ads_may_still_run: bool = False
    """Whether ads may still run and bill although they are to be stopped."""
    export: ExportStatus | None = None
    """How far the export is; null where none was asked for or begun. Its progress is in the activity's heartbeat."""
    erasure_waits_for: str | None = None
    """What stands against erasing the data of a closed case: ``hold`` or ``acknowledgement``."""
    erased_at: datetime | None = None
    """When the certificate of erasure was completed (UTC)."""
    undelivered: tuple[str, ...] = ()
    """Channels on which messages still wait to be delivered."""
    last_refusal: RefusalDetails | None = None
    """The last request that was refused, if any: a signal has no other way to say so."""


class MarketingCancellationStatus(BaseModel):
    """Where the cancellation of a marketing service stands: as `CancellationStatus` of a subscription's."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    organization: Identifier
    time_zone: str
    stage: MarketingStage
    request_id: str
    received_at: datetime
    waiting_for: str
    stage_deadline: datetime | None = None
    verified: bool = False
    campaigns_stopped: tuple[str, ...] | None = None
    campaigns_outstanding: tuple[str, ...] = ()
    ads_may_still_run: bool = False
    undelivered: tuple[str, ...] = ()
    last_refusal: RefusalDetails | None = None


class MigrationStatus(BaseModel):
    """Where one migration stands: the answer of its query ``status``, of its updates, and of the workflow itself."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    subscription: Identifier
    organization: Identifier
    time_zone: str
    platform: Platform
    queue: str
    stage: MigrationStage
    waiting_for: str
    """What happens next, and who has to do something for it; empty in a final stage."""
    stage_deadline: datetime | None = None
    """When it is given up (UTC)."""
    requested_at: datetime
    transfer_at: datetime | None = None
    transfer: int = 0
    """Which transfer it is, counted from 1; 0 before the first."""
    tables: int | None = None
    rows: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    """Of the dump."""
    undelivered: tuple[str, ...] = ()
    last_refusal: RefusalDetails | None = None
    ended_because: str = ""
    """Why it ended without being completed, if it did."""
    held_up_because: str = ""
    """Why the transfer is being tried again, if it is; only the client fills it in."""


T = TypeVar("T", bound=Message)


class Unreadable:
    """Stands for a payload that is no message at all: an encoding nobody knows, or JSON that is none."""


def read(received: Sequence[Any], message: type[T]) -> T:
    """Return what a handler received in its documented form; raises InputMalformed naming the problems by path.

    Handlers take any number of arguments of any kind (``*received``), so that bad input is refused with a code instead of
    failing the workflow task, which would hold the case until somebody reads a log.
    """
    if len(received) != 1:
        raise InputMalformed([f"message: one is expected, not {len(received)}"])
    if isinstance(received[0], Unreadable):
        raise InputMalformed(["message: cannot be decoded"])
    try:
        return message.model_validate(received[0])
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        raise InputMalformed(
            [f"{'.'.join(map(str, problem['loc'])) or 'message'}: {problem['msg']}" for problem in problems]
        ) from None

"""The cancellation of a subscription: names, workflow id, messages and status."""

from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from temporalio.common import SearchAttributeKey

from contract.common import AnswerText, Attestation, CampaignActions, Message, Request
from contract.export import ExportStatus
from domain.cancellation.identity import Identity
from domain.lines.quote import Quote
from domain.marketing import Consent
from domain.refusals import RefusalDetails
from domain.vocabulary import Identifier, Question, Reason, Stage

SUBSCRIPTION_CANCELLATION = "SubscriptionCancellation"
UPDATE_ANSWER = "answer"
UPDATE_SEND_CODE = "send_code"
UPDATE_VERIFY_CODE = "verify_code"
UPDATE_ATTEST = "attest"
UPDATE_APPROVE = "approve"
UPDATE_WITHDRAW = "withdraw"

REQUEST_REVERSAL = "request_reversal"
"""Both an update, for callers who need the outcome, and a signal, for systems that fire and forget."""

SIGNAL_CREDIT_MEMO_POSTED = "credit_memo_posted"
REVERSAL_DEADLINE = SearchAttributeKey.for_datetime("ReversalDeadline")


def cancellation_workflow_id(subscription: str) -> str:
    """Return the one workflow id under which a subscription can be cancelled."""
    return f"cancellation:{subscription}"


QuestionName = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00]*$")]
Answers = Annotated[dict[QuestionName, AnswerText], Field(max_length=20)]


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


class CreditMemoPosted(Message):
    """A credit memo was posted; whoever waits for it looks again."""

    invoice: str


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

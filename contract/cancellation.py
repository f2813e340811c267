"""The cancellation of a subscription: names, workflow id, messages and status."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from temporalio.common import SearchAttributeKey

from contract.common import (
    AboutCase,
    AnswerText,
    Attestation,
    CampaignActions,
    Instant,
    Message,
    ReasonCodeText,
    ReceivedRequest,
)
from contract.export import ExportStatus
from contract.sealing import sealed_code
from domain.cancellation.identity import Identity
from domain.cancellation.open_billing import OpenLine
from domain.lines.quote import Quote
from domain.marketing import Consent
from domain.refusals import RefusalDetails
from domain.system_tasks import OpenTask
from domain.vocabulary import CancellationId, CaseId, Identifier, Question, Reason, ReceiptChannel, Stage, Termination

SUBSCRIPTION_CANCELLATION = "SubscriptionCancellation"
"""The type of the workflow that cancels a subscription: takes `StartCancellation`, returns `CancellationStatus`."""

UPDATE_ANSWER = "answer"
"""Update of SubscriptionCancellation and SubscriptionLineCancellation: takes `Answer`, returns the case status."""

UPDATE_SEND_CODE = "send_code"
"""Update of every kind of cancellation: takes `SendCode`, returns the case status."""

UPDATE_VERIFY_CODE = "verify_code"
"""Update of every kind of cancellation: takes `VerifyCode`, returns the case status."""

UPDATE_ATTEST = "attest"
"""Update of every kind of cancellation: takes `Attest`, returns the case status."""

UPDATE_APPROVE = "approve"
"""Update of SubscriptionCancellation and SubscriptionLineCancellation: takes `Approve`, returns the case status."""

UPDATE_WITHDRAW = "withdraw"
"""Update of SubscriptionCancellation and SubscriptionLineCancellation: takes `Withdraw`, returns the case status."""

REQUEST_REVERSAL = "request_reversal"
"""Update and signal of SubscriptionCancellation and SubscriptionLineCancellation: takes `RequestReversal`.

The update returns the case status, for callers that need the outcome; the signal is for systems that fire and
forget.
"""

SIGNAL_CREDIT_MEMO_POSTED = "credit_memo_posted"
"""Signal to SubscriptionCancellation and SubscriptionLineCancellation: takes `CreditMemoPosted`."""

REVERSAL_DEADLINE = SearchAttributeKey.for_datetime("ReversalDeadline")
"""Search attribute of SubscriptionCancellation and SubscriptionLineCancellation: the first instant (UTC) at which a reversal is too late."""


def cancellation_workflow_id(subscription: str) -> str:
    """Return the only workflow id under which a subscription can be cancelled."""
    return f"cancellation:{subscription}"


def cancellation_web_ui(subscription: str) -> tuple[str, str]:
    """Return the summary and the details with which the Web UI shows the workflow of a cancellation."""
    return f"Cancel subscription {subscription}", (
        "Stages: `intake` → `preparing` → `scheduled` → `canceled` → `closed`, or `reversed`; `withdrawn` or "
        "`abandoned` before it takes effect.\n\nCurrent Details show the stage, the dates, and what the case waits "
        f"for. The audit trail: `offramp cancellations history {subscription}`"
    )


QuestionName = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00]*$")]
Answers = Annotated[dict[QuestionName, AnswerText], Field(max_length=20)]


class Goodwill(Message):
    """A request to ignore the notice deadline, as a gesture. It needs a second person's approval."""

    reason: Reason


class StartCancellation(ReceivedRequest):
    """Input of SubscriptionCancellation, and of its update ``receive``."""

    subscription: Identifier
    request_id: str = Field(default="", max_length=200, pattern=r"^[^\x00]*$")
    """Distinguishes one request from another; a repetition of the same request has the same id."""
    answers: Answers = {}
    """Answers to questions of the checklist that are already known, by question name."""
    attestation: Attestation | None = None
    goodwill: Goodwill | None = None
    reason: Reason | None = None
    """The reason for the cancellation, in the customer's words."""
    reason_code: ReasonCodeText | None = None
    """The same as one of the reasons that the organization's policy lists."""
    campaign_actions: CampaignActions = {}
    """The way to stop each campaign, by its id, if ``campaigns`` is answered with ``stop``; paused if not named."""
    continues: CancellationId | None = None
    """The recorded case to continue, whose workflow is gone: nothing new is opened. Only the reconciliation sends it."""


class Answer(AboutCase):
    """Answers to questions of the checklist: all of them are taken, or none."""

    answers: Answers = Field(min_length=1)
    campaign_actions: CampaignActions = {}
    """As in StartCancellation."""


class SendCode(AboutCase):
    """A request to send a one-time code to the billing administrator on record."""


class VerifyCode(AboutCase):
    """The one-time code that the billing administrator received."""

    code: str = Field(max_length=100)
    """Sealed (`sealed_code`), so that no history holds it; the code itself is understood as well."""

    def sealed(self, subject: str) -> Self:
        """Return the message as it is sent about a subscription, a line, or the marketing service of an organization."""
        return self.model_copy(update={"code": sealed_code(subject, self.code)})


class Attest(AboutCase):
    """The actor's word that the request comes from the billing administrator."""

    attestation: Attestation


class Approve(AboutCase):
    """A second person's agreement to the goodwill."""

    reason: Reason
    proposal: str | None = Field(default=None, max_length=100)
    """The digest of the proposal that the person was shown (`Proposal.digest`); the approval of another one is refused."""


class Correct(AboutCase):
    """Other wishes of the customer before the cancellation takes effect: all of them are taken, or none."""

    answers: Answers = {}
    """Answers to ``termination_date``, ``data`` or ``campaigns``, in the form of StartCancellation."""
    campaign_actions: CampaignActions = {}
    """As in StartCancellation."""
    goodwill: Goodwill | None = None
    """A goodwill that is asked for now, or another reason for it."""
    without_goodwill: bool = False
    """True if the goodwill is given up."""
    expects: str | None = Field(default=None, max_length=100)
    """The version of the case that the correction is decided upon (`ReversibleStatus.version`): of another one it is refused."""
    reason: Reason

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not (self.answers or self.campaign_actions or self.goodwill or self.without_goodwill):
            raise ValueError("nothing is corrected")
        if self.goodwill and self.without_goodwill:
            raise ValueError("goodwill is asked for and given up")
        return self


class Withdraw(AboutCase, ReceivedRequest):
    """A change of the customer's mind before the cancellation took effect."""

    reason: Reason

    @property
    def entered_late_because(self) -> str | None:
        """The reason why it is entered late: one of its own, or else that of the request."""
        return self.received_because or self.reason


class RequestReversal(AboutCase, ReceivedRequest):
    """A change of the customer's mind within the reversal window, with the identity that the cancellation had."""

    identity: Identity
    reason: Reason | None = None
    requested_at: Instant | None = None
    """The older name of `received_at`, which goes first where both are given: a request made in time counts although it
    arrives late, as long as the case is not closed. An instant after now counts as now, and needs no reason."""

    @property
    def entered_late_because(self) -> str | None:
        """The reason why it is entered late: one of its own, or else that of the request."""
        return self.received_because or self.reason


class CreditMemoPosted(Message):
    """Notice that a credit memo was posted: a case that waits for it checks again."""

    invoice: str
    cancellation: CaseId | None = None
    """The case that waits for it; every other one ignores the notice."""


class Proposal(BaseModel):
    """What a goodwill would do, for its approval."""

    model_config = ConfigDict(frozen=True)

    digest: str
    """Names exactly these dates and credit memos."""
    quote: Quote


class ReversibleStatus(BaseModel):
    """The part of a status that cancellations of subscriptions and of single lines share."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    subscription: Identifier
    organization: Identifier
    time_zone: str
    stage: Stage
    reason_code: str | None = None
    """The reason for leaving, of those that the organization's policy lists; null where none was given."""
    request_id: str
    """The request that opened this cancellation; one other than the caller's means that it was already running. Where it had
    no id, the first run of its workflow stands for it."""
    received_at: datetime
    channel: ReceiptChannel | None = None
    """The way by which it was received, where that was stated."""
    waiting_for: str
    """The next event, and the party that must act for it; empty when nothing is left to do."""
    stage_deadline: datetime | None = None
    """The instant (UTC) at which the stage ends by itself."""
    open_questions: tuple[Question, ...] = ()
    verified: bool = False
    termination: Termination | None = None
    """The way in which the end of access is asked for; null until it is."""
    termination_date: date | None = None
    """The last day of access, or the wished last day of a line. At ``now`` it is the day of receipt, for which billing is
    decided."""
    reversal_deadline: datetime | None = None
    """The first instant (UTC) at which a reversal is too late."""
    quote: Quote | None = None
    proposal: Proposal | None = None
    """What the goodwill would do, while it waits for its approval; the Python client alone fills it in."""
    version: str = ""
    """Names what can be corrected as it is now, until the effect (`Correct.expects`); the Python client alone fills it in."""
    outstanding_credit_memos: tuple[str, ...] = ()
    """The invoices that must be credited first, in the order in which to credit them."""
    open_billing: tuple[OpenLine, ...] = ()
    """The lines whose end waits for credit memos, with what each needs; vendors' lines too."""
    undelivered: tuple[str, ...] = ()
    """The channels on which messages still wait for delivery."""
    last_refusal: RefusalDetails | None = None
    """The last refused request, if any: a signal has no other way to report a refusal."""
    held_up_because: str = ""
    """Why the case does not progress, if a step is refused or being tried again, or its workflow is suspended, in words; the
    client's `status` alone fills in the latter two."""


class CancellationStatus(ReversibleStatus):
    """The status of one cancellation: the result of the query ``status``, of every update and of the workflow itself."""

    access_ended_on: date | None = None
    marketing_consent: Consent | None = None
    """The state of the consent of the marketing service's own administrator; null where none is needed."""
    campaigns_stopped: tuple[str, ...] | None = None
    """The campaigns that the ad centre was asked to stop; empty: none was left to stop; null: no request yet."""
    campaigns_outstanding: tuple[str, ...] = ()
    """Those of them whose stop it has not acknowledged."""
    system_tasks: tuple[OpenTask, ...] = ()
    """What registered systems have not confirmed: there, access may still be on or off, or data be kept. Empty in the answer of
    the workflow itself: `SystemTasks` knows."""
    ads_may_still_run: bool = False
    """True while ads may still run and bill although they are to be stopped."""
    export: ExportStatus | None = None
    """The state of the export; null where none was requested or begun. Its progress is in the activity's heartbeat."""
    erasure_waits_for: str | None = None
    """The obstacle to erasing the data of a closed case: ``hold`` or ``acknowledgement``."""
    erased_at: datetime | None = None
    """The instant (UTC) at which the certificate of erasure was completed."""

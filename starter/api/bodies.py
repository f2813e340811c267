"""The bodies of requests: what a caller says, without who it is and under which key, which are in the headers."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PositiveInt,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from contract.cancellation import Answers
from contract.common import AnswerText, CampaignActions, ReasonCodeText
from contract.lines import Name
from domain.cancellation.identity import Identity
from domain.civil_dates import CivilDate
from domain.limits import Limited, LimitScope
from domain.marketing import ConsentDecision
from domain.system_tasks import SystemTask
from domain.vocabulary import EmailAddress, Identifier, Reason, ReceiptChannel
from domain.webhooks import EndpointName
from starter.api.problems import MOST_SHOWN
from starter.service.receipts import StatedReceipt

GivenCode = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20)]
Proposed = Annotated[str, StringConstraints(max_length=100)]


class Body(BaseModel):
    """Base of every body; a field that is not known is refused, because it would be taken for heard."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _with_few_errors(cls, value: object, validate: ModelWrapValidatorHandler[Self]) -> Self:
        # What FastAPI makes of each error takes a hundred times as long as finding it, while nobody else is served.
        try:
            return validate(value)
        except ValidationError as invalid:
            if (count := invalid.error_count()) > MOST_SHOWN:
                raise PydanticCustomError("too_many_errors", "This has {count} problems", {"count": count}) from None
            raise


class Receipt(Body):
    """The receipt of a request that is entered later: as an instant, or as a civil day in the organization's zone."""

    received_at: AwareDatetime | None = None
    received_on: date | None = Field(default=None, description="counts until its last moment")
    channel: ReceiptChannel | None = None
    because: Reason | None = Field(default=None, description="why it is entered so long after it was received")

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        if self.received_at is not None and self.received_on is not None:
            raise ValueError("give the instant or the day, not both")
        return self

    def stated(self) -> StatedReceipt:
        """Return it as the facade takes it."""
        return StatedReceipt(at=self.received_at or self.received_on, channel=self.channel, because=self.because)


class StartLine(Body):
    """A request to cancel a line alone."""

    answers: Answers = Field(default={}, description="what is known already, by the name of the question")
    attestation: Reason | None = Field(
        default=None, description="how the agent knows that the billing administrator asks"
    )
    goodwill: Reason | None = Field(default=None, description="why the notice deadline should be ignored")
    reason: Reason | None = Field(default=None, description="in the customer's words")
    reason_code: ReasonCodeText | None = None
    receipt: Receipt | None = None


class Start(StartLine):
    """A request to cancel."""

    campaign_actions: CampaignActions = {}


class AnswerQuestions(Body):
    """Answers to questions of the checklist: all of them are taken, or none."""

    answers: Answers = Field(min_length=1)
    campaign_actions: CampaignActions = {}


class TryCode(Body):
    """The one-time code that the billing administrator received."""

    code: GivenCode


class Reasoned(Body):
    """A request that needs nothing but its reason, for the audit trail."""

    reason: Reason


class ConfirmTask(Body):
    """What a registered system has done."""

    system: EndpointName
    task: SystemTask


class ApproveGoodwill(Body):
    """A second person's agreement to the goodwill."""

    reason: Reason
    proposal: Proposed | None = Field(default=None, description="the digest of the proposal that the person was shown")


class CorrectRequest(Body):
    """Other wishes of the customer before the cancellation takes effect."""

    reason: Reason
    answers: Answers = {}
    campaign_actions: CampaignActions = {}
    goodwill: Reason | None = None
    without_goodwill: bool = False


class WithdrawRequest(Body):
    """A change of the customer's mind before the cancellation took effect."""

    reason: Reason
    receipt: Receipt | None = None


class ReverseRequest(Body):
    """A change of the customer's mind within the reversal window."""

    identity: Identity
    reason: Reason | None = None
    receipt: Receipt | None = None


class Decide(Body):
    """The answer of the marketing service's own administrator, as they gave it to the caller."""

    decision: ConsentDecision
    because: Reason


class Received(Body):
    """A request that has nothing but its receipt."""

    receipt: Receipt | None = None


class AcceptMigration(Body):
    """The acceptance of an on-premises migration."""

    contact: EmailAddress = Field(description="the address of the IT department")
    transfer_at: datetime = Field(description="without an offset, a civil time in the organization's zone")


class CorrectMigration(Body):
    """The correction of a migration that was accepted."""

    reason: Reason
    contact: EmailAddress | None = None
    transfer_at: datetime | None = None
    transfer_again: bool = False


class RenewMigrationLink(Body):
    """A request for a fresh link to migrated data."""

    transfer: PositiveInt | None = Field(default=None, description="only while this is the newest transfer")


class AcknowledgeDownload(Body):
    """The acknowledgement that the IT department has the data."""

    transfer: PositiveInt | None = Field(default=None, description="the newest transfer, if not given")
    receipt: Receipt | None = None


class CancelMarketing(Body):
    """A request to cancel a marketing service alone."""

    administrator: AnswerText = Field(description="the address of its own administrator, as on record")
    campaign_actions: CampaignActions = {}
    attestation: Reason | None = Field(default=None, description="how the agent knows that the administrator asks")
    reason: Reason | None = None
    receipt: Receipt | None = None


class CreditMemo(Body):
    """A credit memo that takes an invoice back, or its last part."""

    number: Annotated[str, StringConstraints(max_length=200)]
    credits_from: date | None = Field(
        default=None, description="the first day that is taken back; the whole invoice, if not given"
    )


class BeginUpdate(Body):
    """A request to update the dates of lines now."""

    as_of: CivilDate | None = Field(
        default=None, description="the day as of which; each organization's own day, if not given"
    )
    force: bool = Field(default=False, description="also ahead of the day that a zone has reached")
    customer_contract: Name | None = None
    vendor_contract: Name | None = None
    subscription: Identifier | None = None


class RestoreRun(Body):
    """A request to take back what a run of the update has changed."""

    run: Annotated[str, StringConstraints(max_length=1000)] = Field(description="the `run` of its progress")
    reason: Reason


class EnsureSchedule(Body):
    """The schedule of the nightly update, as it is to be."""

    zone: Annotated[str, StringConstraints(max_length=100)] = Field(description="the IANA zone in which it runs")


class Noted(Body):
    """A request with a note for whoever looks at the schedule."""

    note: Reason


class Backfill(Body):
    """A request for the updates of past nights."""

    first: date
    last: date
    force: bool = False


class ReviewCode(Body):
    """A person's word that the code in a schema may run."""

    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    reason: Reason


class SampleData(Body):
    """A request for sample data."""

    rows: Annotated[int, Field(ge=1, le=10_000_000)]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1


class Reconcile(Body):
    """A request for a reconciliation now."""

    dry_run: bool = Field(default=False, description="true to report what is found, and to change nothing")


class SetLimit(Body):
    """A limit across cases, as it is to be."""

    limited: Limited
    scope: LimitScope
    number: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = Field(description="null for none")
    reason: Reason


class ReleaseLimit(Body):
    """A request to count nothing more of what was counted until now."""

    scope: LimitScope
    subject: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(
        description="the caller, or the organization's id"
    )
    reason: Reason


class SearchPerson(Body):
    """A question what is kept about a person. In a body, because addresses of requests are logged on their way."""

    address: EmailAddress


def stated(receipt: Receipt | None) -> StatedReceipt | None:
    """Return a receipt as the facade takes it."""
    return None if receipt is None else receipt.stated()

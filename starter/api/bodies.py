"""The bodies of requests: what a caller says, without who it is and under which key, which are in the headers."""

from datetime import date
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contract.cancellation import Answers
from contract.common import CampaignActions, ReasonCodeText
from domain.cancellation.identity import Identity
from domain.marketing import ConsentDecision
from domain.vocabulary import Reason, ReceiptChannel
from starter.service.receipts import StatedReceipt

GivenCode = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20)]
Proposed = Annotated[str, StringConstraints(max_length=100)]


class Body(BaseModel):
    """Base of every body; a field that is not known is refused, because it would be taken for heard."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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


class Start(Body):
    """A request to cancel."""

    answers: Answers = Field(default={}, description="what is known already, by the name of the question")
    campaign_actions: CampaignActions = {}
    attestation: Reason | None = Field(
        default=None, description="how the agent knows that the billing administrator asks"
    )
    goodwill: Reason | None = Field(default=None, description="why the notice deadline should be ignored")
    reason: Reason | None = Field(default=None, description="in the customer's words")
    reason_code: ReasonCodeText | None = None
    receipt: Receipt | None = None


class AnswerQuestions(Body):
    """Answers to questions of the checklist: all of them are taken, or none."""

    answers: Answers = Field(min_length=1)
    campaign_actions: CampaignActions = {}


class TryCode(Body):
    """The one-time code that the billing administrator received."""

    code: GivenCode


class AttestRequest(Body):
    """The caller's word that the request comes from the billing administrator."""

    reason: Reason


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

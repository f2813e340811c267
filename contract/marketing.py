"""Marketing services and their campaigns: names, workflow id, messages and status."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from contract.common import AboutCase, AnswerText, Attestation, CampaignActions, ReceivedRequest
from contract.sealing import sealed_link
from domain.marketing import ConsentDecision, MarketingStage
from domain.refusals import RefusalDetails
from domain.vocabulary import Identifier, MarketingCancellationId, Reason, ReceiptChannel

MARKETING_SERVICE_CANCELLATION = "MarketingServiceCancellation"
"""The type of the workflow that cancels a marketing service alone.

It takes `StartMarketingCancellation` and returns `MarketingCancellationStatus`.
"""

UPDATE_CONSENT = "consent"
"""Update of SubscriptionCancellation: takes `GiveConsent`, returns `CancellationStatus`."""

ACKNOWLEDGE_STOP = "acknowledge_stop"
"""Update and signal of SubscriptionCancellation and MarketingServiceCancellation: takes `AcknowledgeStop`.

The update returns the case status; the signal is for an ad centre that fires and forgets.
"""


def marketing_workflow_id(organization: str) -> str:
    """Return the only workflow id under which an organization's marketing service can be cancelled alone."""
    return f"marketing-cancellation:{organization}"


class GiveConsent(AboutCase):
    """The answer of the marketing service's own billing administrator to the request to stop its campaigns.

    Exactly one of ``link`` and ``attestation`` is the evidence of it.
    """

    decision: ConsentDecision
    link: str | None = Field(default=None, max_length=2000)
    """The token of the link that was mailed to them, sealed (`sealed_link`); the token itself is understood as well."""
    attestation: Attestation | None = None
    """An agent's word, if they answered in another way."""

    def sealed(self) -> Self:
        """Return the message as it is sent."""
        return self if self.link is None else self.model_copy(update={"link": sealed_link(self.link)})


class AcknowledgeStop(AboutCase):
    """The ad centre's acknowledgement that it has stopped a campaign, as requested."""

    campaign: Identifier


class StartMarketingCancellation(ReceivedRequest):
    """Input of MarketingServiceCancellation, and of its update ``receive``."""

    organization: Identifier
    request_id: str = Field(default="", max_length=200, pattern=r"^[^\x00]*$")
    """Distinguishes one request from another; a repetition of the same request has the same id."""
    administrator: AnswerText
    """The address of the marketing service's own billing administrator; it must be the one on record."""
    campaign_actions: CampaignActions = {}
    """The way to stop each campaign, by its id; paused if not named."""
    attestation: Attestation | None = None
    """An agent's word that the request comes from the administrator; without it, the case waits for a one-time code."""
    reason: Reason | None = None
    continues: MarketingCancellationId | None = None
    """As in StartCancellation."""


class MarketingCancellationStatus(BaseModel):
    """The status of the cancellation of a marketing service; fields mean the same as in `CancellationStatus`."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    organization: Identifier
    time_zone: str
    stage: MarketingStage
    request_id: str
    received_at: datetime
    channel: ReceiptChannel | None = None
    waiting_for: str
    stage_deadline: datetime | None = None
    verified: bool = False
    campaigns_stopped: tuple[str, ...] | None = None
    campaigns_outstanding: tuple[str, ...] = ()
    ads_may_still_run: bool = False
    undelivered: tuple[str, ...] = ()
    last_refusal: RefusalDetails | None = None
    held_up_because: str = ""
    """Why the case does not progress, if a step is refused or being tried again, or its workflow is suspended, in words; the
    client's `status` alone fills in the latter two."""

"""Marketing services and their campaigns: names, workflow id, messages and status."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from contract.common import AnswerText, Attestation, CampaignActions, Request
from domain.marketing import ConsentDecision, MarketingStage
from domain.refusals import RefusalDetails
from domain.vocabulary import Identifier, Reason

MARKETING_SERVICE_CANCELLATION = "MarketingServiceCancellation"
UPDATE_CONSENT = "consent"

ACKNOWLEDGE_STOP = "acknowledge_stop"
"""Both an update and a signal, of SubscriptionCancellation and MarketingServiceCancellation: the ad centre has stopped a
campaign."""


def marketing_workflow_id(organization: str) -> str:
    """Return the one workflow id under which an organization's marketing service can be cancelled alone."""
    return f"marketing-cancellation:{organization}"


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

"""The steps that concern marketing services and their campaigns."""

from collections.abc import Mapping
from datetime import datetime

from contract.steps.common import CaseRecord, OfActor, Receipt, Recorded, Step, StepData
from domain.marketing import CampaignAction, ConsentDecision
from domain.policy import CancellationPolicy
from domain.vocabulary import Identifier, Platform, ReceiptChannel, Verification


class OpenMarketingRequest(OfActor):
    """The request that opens the cancellation of a marketing service."""

    workflow_id: str
    organization: Identifier
    request_id: str
    at: datetime
    administrator: str
    """The address that the caller gives as that of the service's own billing administrator."""
    campaign_actions: Mapping[str, CampaignAction] = {}
    attested_because: str | None = None
    reason: str | None = None
    digest: str = ""
    """The digest of the request's content (`contract.digest_of`); empty in histories that are older than it."""
    continues: str | None = None
    """As in OpenRequest."""
    receipt: Receipt | None = None
    """As in OpenRequest."""


class OpenedMarketingCase(StepData):
    """A marketing service's cancellation as it is recorded: everything that the workflow needs, also to start in the middle."""

    cancellation: str
    organization: Identifier
    platform: Platform
    time_zone: str
    policy: CancellationPolicy
    received_at: datetime
    verification: Verification | None = None
    record: CaseRecord | None = None
    """As in OpenedCase."""
    opened_by: str | None = None
    entered_at: datetime | None = None
    """As in OpenedCase."""
    channel: ReceiptChannel | None = None


class MarketingOpened(Recorded):
    """The outcome of opening a marketing service's cancellation."""

    case: OpenedMarketingCase


class ConsentRequest(StepData):
    """A consent to ask for, where it is needed."""

    step: Step
    until: datetime


class ConsentAsked(Recorded):
    """The outcome of a request for consent."""

    needed: bool


class ConsentGiven(StepData):
    """The answer of the marketing service's own administrator, by our link or by an agent's word."""

    step: Step
    decision: ConsentDecision
    token: str | None = None
    """As `GiveConsent.link` has it."""
    attested_because: str | None = None


class CampaignStop(StepData):
    """The state of the campaigns that a case had stopped."""

    requested: tuple[str, ...] = ()
    """The campaigns that the ad centre was asked to stop."""
    outstanding: tuple[str, ...] = ()
    """Those of them whose stop it has not acknowledged."""


class StopRecorded(Recorded):
    """The state of a case's campaigns after a step."""

    stop: CampaignStop


class StopAcknowledged(StepData):
    """The ad centre's word that a campaign is stopped."""

    step: Step
    campaign: str


class AdCentreReminder(StepData):
    """A reminder to the ad centre; the first has number 1."""

    step: Step
    number: int

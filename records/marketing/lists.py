"""Marketing services and their campaigns as pages and statuses show them, read from PostgreSQL."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from contract import MarketingCancellationStatus
from domain.cases import CaseRef
from domain.marketing import (
    CampaignFacts,
    CampaignUnknown,
    Consent,
    MarketingCancellationUnknown,
    MarketingStage,
    StopNotRequested,
)
from domain.vocabulary import WAITS_FOR_OPERATOR, ReceiptChannel
from records.cancellation.locked_case import organization_of
from records.cancellation.zones import zone_of
from records.cases import newest_of
from records.marketing.campaigns import case_of, current_campaigns, open_stop, stops_of
from records.marketing.locked_case import newest_marketing_case
from records.marketing.stops import stop_of
from storage.tables import (
    CampaignRow,
    CancellationRow,
    MarketingCancellationRow,
    MarketingServiceRow,
    OrganizationRow,
)


class RequestedConsent(BaseModel):
    """The request to a marketing service's own administrator to agree that its campaigns are stopped."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    organization_name: str
    organization_url: str
    time_zone: str
    consent: Consent
    is_open: bool
    """True while an answer is awaited; never after the end of the case."""
    campaigns: tuple[CampaignFacts, ...]
    """The stopped campaigns, or else those that would be stopped."""
    administrator: str
    """The address on record of who may answer."""


@dataclass(frozen=True)
class AskingCase:
    """The case that asked the ad centre to stop a campaign."""

    id: str
    workflow_id: str
    is_newest: bool
    """False when another case now runs under the workflow id of this one."""


def asking_case(session: Session, campaign: str) -> AskingCase:
    """Return the last case that asked to stop a campaign.

    Raises:
        CampaignUnknown, StopNotRequested.

    """
    if session.get(CampaignRow, campaign) is None:
        raise CampaignUnknown(campaign)
    stop = open_stop(session, campaign)
    if stop is None:
        raise StopNotRequested(campaign)
    case = case_of(stop)
    named = CaseRef.parse(case)
    newest = newest_of(session, named.kind, named.subject)
    assert newest is not None  # noqa: S101 - the case that asked is one of them
    return AskingCase(case, newest.workflow_id, is_newest=newest.id == case)


def requested_consent(session: Session, cancellation: str) -> RequestedConsent | None:
    """Return the consent that a cancellation asks or has asked for; None without such a request or cancellation."""
    case = session.get(CancellationRow, cancellation)
    if case is None or case.marketing_consent is None:
        return None
    consent, organization = Consent(case.marketing_consent), organization_of(session, case)
    return RequestedConsent(
        cancellation=case.id,
        organization_name=organization.unique_name,
        organization_url=organization.url,
        time_zone=zone_of(session, case),
        consent=consent,
        is_open=consent is Consent.ASKED and case.ended_at is None,
        administrator=session.get_one(MarketingServiceRow, organization.id).billing_administrator,
        campaigns=stops_of(session, case.id) or current_campaigns(session, organization.id, case.campaign_actions),
    )


def zone_of_organization(session: Session, organization: str) -> str:
    """Return the zone of an organization as it is now; UTC, if it is unknown."""
    row = session.get(OrganizationRow, organization)
    return "UTC" if row is None else row.time_zone


def recorded_marketing_status(session: Session, organization: str) -> MarketingCancellationStatus:
    """Return the status of the newest cancellation of a marketing service alone from the records.

    Raises:
        MarketingCancellationUnknown.

    """
    case = newest_marketing_case(session, organization)
    if case is None:
        raise MarketingCancellationUnknown(organization)
    return status_of_marketing_case(session, case)


def status_of_marketing_case(session: Session, case: MarketingCancellationRow) -> MarketingCancellationStatus:
    """Return the status of a cancellation of a marketing service, the newest or an earlier one, from the records."""
    organization = case.organization
    stop, stage = stop_of(session, case.id), MarketingStage(case.stage)
    return MarketingCancellationStatus(
        cancellation=case.id,
        organization=organization,
        time_zone=case.time_zone or session.get_one(OrganizationRow, organization).time_zone,
        stage=stage,
        request_id=case.request_id.removeprefix(f"{case.workflow_id}:"),
        received_at=case.received_at,
        channel=ReceiptChannel(case.channel) if case.channel else None,
        waiting_for="" if stage.is_final else WAITS_FOR_OPERATOR,
        verified=case.verified_by is not None,
        campaigns_stopped=stop.requested if stage is not MarketingStage.INTAKE else None,
        campaigns_outstanding=stop.outstanding,
        ads_may_still_run=bool(stop.outstanding),
    )

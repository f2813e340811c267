"""Stopping the campaigns of an organization in a subscription's cancellation, and what the ad centre says to it.

One transaction each, like `records.cancellation.transitions`; every function changes nothing when it is run again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.steps import CampaignStop, Step
from domain.cancellation.identity import same_address
from domain.marketing import (
    CampaignFacts,
    CampaignUnknown,
    Consent,
    ConsentDecision,
    ConsentNotAwaited,
    StopNotRequested,
    StopOfAnotherCase,
    is_marketing_cancellation,
)
from domain.messaging import MarketingFacts
from domain.vocabulary import Channel, Event
from records import audit
from records.cancellation.cases import HeldCase, hold_case, tell_of
from records.cancellation.transitions import prepare
from records.marketing.campaigns import (
    case_of,
    current_campaigns,
    hold_service,
    mark_stopped,
    open_stop,
    order_stops,
    stops_of,
)
from records.marketing.service_cases import HeldMarketingCase, hold_marketing_case, tell_of_service
from storage.tables import CampaignRow, MarketingServiceRow


def request_consent(session: Session, step: Step, *, until: datetime, channels: frozenset[Channel]) -> bool:
    """Ask the marketing service's own administrator to agree, where that is another person; return whether it is.

    Nobody is asked where nothing is left to stop.
    """
    case = hold_case(session, step.cancellation)
    if case.row.marketing_consent is not None:
        return True
    service = hold_service(session, case.organization.id)
    campaigns = current_campaigns(session, case.organization.id, case.row.campaign_actions)
    if service is None or same_address(service.billing_administrator, case.organization.billing_administrator):
        return False
    if not campaigns:
        return False
    prepare(session, step)
    case.row.marketing_consent, case.row.marketing_consent_until = Consent.ASKED.value, until
    _record(session, case, "marketing.consent_requested", step, after={"until": until.isoformat()})
    _ask_owner(session, case, service, campaigns, step, channels)
    return True


def remind_of_consent(session: Session, step: Step, *, channels: frozenset[Channel]) -> None:
    """Ask again; each once per occasion."""
    case = hold_case(session, step.cancellation)
    service = hold_service(session, case.organization.id)
    if case.row.marketing_consent != Consent.ASKED or service is None:
        return
    if _record(session, case, "reminder.sent", step):
        campaigns = current_campaigns(session, case.organization.id, case.row.campaign_actions)
        _ask_owner(session, case, service, campaigns, step, channels, occasion=step.name)


def save_consent(
    session: Session, step: Step, decision: ConsentDecision, *, how: str, channels: frozenset[Channel]
) -> None:
    """Keep the answer of the marketing service's own administrator, and how it came.

    Raises:
        ConsentNotAwaited.

    """
    case = hold_case(session, step.cancellation)
    if audit.after_of(session, step.key) is not None:
        return
    if case.row.marketing_consent != Consent.ASKED:
        asked = case.row.marketing_consent
        raise ConsentNotAwaited(case.row.id, Consent(asked) if asked else None)
    _conclude(session, case, step, Consent(decision.value), after={"given_by": how}, channels=channels)


def time_consent_out(session: Session, step: Step, *, channels: frozenset[Channel]) -> None:
    """Keep that nobody answered in time."""
    case = hold_case(session, step.cancellation)
    if case.row.marketing_consent == Consent.ASKED:
        _conclude(session, case, step, Consent.TIMED_OUT, after={}, channels=channels)


def stop_campaigns(session: Session, step: Step, *, channels: frozenset[Channel]) -> CampaignStop:
    """Mark every current activity as stopping, and ask the ad centre to stop it."""
    case = hold_case(session, step.cancellation)
    hold_service(session, case.organization.id)
    if audit.after_of(session, step.key) is None:
        prepare(session, step)
        campaigns = current_campaigns(session, case.organization.id, case.row.campaign_actions)
        _record(session, case, "marketing.stop_ordered", step, after={"campaigns": [c.id for c in campaigns]})
        request_stops(session, case, campaigns, step, channels=channels)
    return stop_of(session, case.row.id)


def request_stops(
    session: Session,
    case: HeldCase | HeldMarketingCase,
    campaigns: Sequence[CampaignFacts],
    step: Step,
    *,
    channels: frozenset[Channel],
) -> None:
    """Mark the campaigns' activities as stopping, each campaign audited and asked of the ad centre."""
    order_stops(session, case.row.id, campaigns, step.at)
    for campaign in campaigns:
        after = {"campaign": campaign.id, "action": campaign.action.value, "activities": list(campaign.activities)}
        _record(session, case, "campaign.stop_requested", step, campaign.id, after=after)
        _tell(session, case, Event.MARKETING_STOP_REQUESTED, step, (campaign,), channels, occasion=campaign.id)


def remind_ad_centre(session: Session, step: Step, number: int, *, channels: frozenset[Channel]) -> CampaignStop:
    """Ask the ad centre again for what it has not acknowledged, for the ``number``-th time."""
    case = _hold(session, step.cancellation)
    outstanding = [campaign for campaign in stops_of(session, case.row.id) if not campaign.acknowledged]
    if outstanding and _record(
        session, case, "ad_centre.reminded", step, after={"campaigns": [c.id for c in outstanding]}
    ):
        for campaign in outstanding:
            occasion = f"{campaign.id}/reminder-{number}"
            event = Event.MARKETING_STOP_REQUESTED
            _tell(session, case, event, step, (campaign,), channels, occasion=occasion, reminder=number)
    return stop_of(session, case.row.id)


def acknowledge_stop(session: Session, step: Step, campaign: str, *, channels: frozenset[Channel]) -> CampaignStop:
    """Keep that the ad centre has stopped a campaign that this case asked it to; when it was the last, tell so.

    Raises:
        CampaignUnknown, StopNotRequested, StopOfAnotherCase.

    """
    case = _hold(session, step.cancellation)
    hold_service(session, case.organization.id)
    stop = open_stop(session, campaign)
    if stop is None or case_of(stop) != case.row.id:
        earlier = {known.id for known in stops_of(session, case.row.id)}
        if campaign not in earlier:
            raise _not_ours(session, campaign, case, None if stop is None else case_of(stop))
    elif stop.acknowledged_at is None:
        mark_stopped(session, stop, by=step.actor, at=step.at)
        _record(session, case, "campaign.stopped", step, after={"campaign": campaign, "action": stop.action})
        _tell_when_all_stopped(session, case, step, channels)
    return stop_of(session, case.row.id)


def stop_of(session: Session, case: str) -> CampaignStop:
    """Return how it stands with the campaigns that a case had stopped."""
    campaigns = stops_of(session, case)
    return CampaignStop(
        requested=tuple(campaign.id for campaign in campaigns),
        outstanding=tuple(campaign.id for campaign in campaigns if not campaign.acknowledged),
    )


def _tell_when_all_stopped(
    session: Session, case: HeldCase | HeldMarketingCase, step: Step, channels: frozenset[Channel]
) -> None:
    campaigns = stops_of(session, case.row.id)
    if not all(campaign.acknowledged for campaign in campaigns):
        return
    _tell(session, case, Event.MARKETING_STOPPED, step, campaigns, channels)
    owner = session.scalar(
        select(MarketingServiceRow.billing_administrator).where(
            MarketingServiceRow.organization == case.organization.id
        )
    )
    if isinstance(case, HeldCase) and owner and not same_address(owner, case.organization.billing_administrator):
        mail = channels & {Channel.MAIL}
        _tell(session, case, Event.MARKETING_STOPPED, step, campaigns, mail, occasion="owner", mail_to=owner)


def _conclude(
    session: Session,
    case: HeldCase,
    step: Step,
    consent: Consent,
    *,
    after: dict[str, object],
    channels: frozenset[Channel],
) -> None:
    case.row.marketing_consent = consent.value
    _record(session, case, f"marketing.consent_{consent.value}", step, after={"consent": consent.value, **after})
    if consent.refused:
        campaigns = current_campaigns(session, case.organization.id, case.row.campaign_actions)
        _tell(session, case, Event.MARKETING_KEPT, step, campaigns, channels)


def _ask_owner(
    session: Session,
    case: HeldCase,
    service: MarketingServiceRow,
    campaigns: Sequence[CampaignFacts],
    step: Step,
    channels: frozenset[Channel],
    occasion: str = "",
) -> None:
    event, owner = Event.MARKETING_CONSENT_REQUESTED, service.billing_administrator
    _tell(session, case, event, step, campaigns, channels, occasion=occasion, mail_to=owner)


def _hold(session: Session, case: str) -> HeldCase | HeldMarketingCase:
    return hold_marketing_case(session, case) if is_marketing_cancellation(case) else hold_case(session, case)


def _not_ours(
    session: Session, campaign: str, case: HeldCase | HeldMarketingCase, asked_by: str | None
) -> CampaignUnknown | StopNotRequested | StopOfAnotherCase:
    known = session.get(CampaignRow, campaign)
    if known is None or known.organization != case.organization.id:
        return CampaignUnknown(campaign)
    return StopOfAnotherCase(campaign, case.row.id, asked_by) if asked_by else StopNotRequested(campaign)


def _tell(
    session: Session,
    case: HeldCase | HeldMarketingCase,
    event: Event,
    step: Step,
    campaigns: Sequence[CampaignFacts],
    channels: frozenset[Channel],
    *,
    occasion: str = "",
    mail_to: str | None = None,
    reminder: int = 0,
) -> None:
    about = MarketingFacts(campaigns=tuple(campaigns), reminder=reminder)
    named = f"{event.value}/{occasion}" if occasion else event.value
    if isinstance(case, HeldMarketingCase):
        tell_of_service(session, case, event, step, channels=channels, occasion=named, marketing=about)
    else:
        tell_of(session, case, event, step, channels=channels, occasion=named, marketing=about, mail_to=mail_to)


def _record(
    session: Session,
    case: HeldCase | HeldMarketingCase,
    action: str,
    step: Step,
    suffix: str = "",
    *,
    after: Mapping[str, object] | None = None,
) -> bool:
    return audit.record(
        session,
        action,
        actor=step.actor,
        at=step.at,
        step=f"{step.key}:{suffix}" if suffix else step.key,
        why=step.why,
        subscription=case.row.subscription if isinstance(case, HeldCase) else None,
        cancellation=case.row.id,
        after=dict(after) if after else None,
    )

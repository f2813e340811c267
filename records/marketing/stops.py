"""Stops of an organization's campaigns, and the ad centre's acknowledgements.

One transaction each, like `records.cancellation.transitions`; a function that is run again changes nothing.
"""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.steps import CampaignStop, Step
from domain.cancellation.identity import same_address
from domain.marketing import (
    CampaignFacts,
    CampaignUnknown,
    StopNotRequested,
    StopOfAnotherCase,
)
from domain.messaging import MarketingFacts
from domain.vocabulary import Channel, Event
from records import audit
from records.addressees import MARKETING_ADMINISTRATOR, Addressee
from records.audit import record_step
from records.cancellation.locked_case import LockedCase, lock_case
from records.cancellation.transitions import prepare
from records.cases import Locked, lock, notify_of_campaigns
from records.marketing.campaigns import (
    case_of,
    current_campaigns,
    lock_service,
    mark_stopped,
    open_stop,
    order_stops,
    stops_of,
)
from records.transaction import Transaction
from storage.tables import AuditRow, CampaignRow, MarketingServiceRow


def stop_campaigns(transaction: Transaction, step: Step) -> CampaignStop:
    """Mark every current activity as stopping, and ask the ad centre to stop it."""
    session = transaction.session
    case = lock_case(transaction, step.cancellation)
    lock_service(transaction, case.organization.id)
    if audit.after_of(session, step.key) is None:
        case.refuse_if_ended()
        prepare(transaction, step)
        campaigns = current_campaigns(session, case.organization.id, case.row.campaign_actions)
        record_step(transaction, "marketing.stop_ordered", step, after={"campaigns": [c.id for c in campaigns]})
        request_stops(transaction, case, campaigns, step)
    return stop_of(session, case.row.id)


def request_stops(transaction: Transaction, case: Locked, campaigns: Sequence[CampaignFacts], step: Step) -> None:
    """Mark the campaigns' activities as stopping; audit each campaign, and ask the ad centre to stop it."""
    order_stops(transaction, case.row.id, campaigns, step.at)
    for campaign in campaigns:
        after = {"campaign": campaign.id, "action": campaign.action.value, "activities": list(campaign.activities)}
        record_step(transaction, "campaign.stop_requested", step, campaign.id, after=after)
        notify(transaction, case, Event.MARKETING_STOP_REQUESTED, step, (campaign,), occasion=campaign.id)


def remind_ad_centre(transaction: Transaction, step: Step, number: int) -> CampaignStop:
    """Ask the ad centre again for outstanding acknowledgements, for the ``number``-th time or a later one."""
    session = transaction.session
    case = lock(transaction, step.cancellation)
    reminded = select(func.count()).where(AuditRow.cancellation == case.row.id, AuditRow.action == "ad_centre.reminded")
    number = max(number, 1 + (session.scalar(reminded) or 0))
    outstanding = [campaign for campaign in stops_of(session, case.row.id) if not campaign.acknowledged]
    if outstanding and record_step(
        transaction, "ad_centre.reminded", step, after={"campaigns": [c.id for c in outstanding]}
    ):
        for campaign in outstanding:
            occasion = f"{campaign.id}/reminder-{number}"
            event = Event.MARKETING_STOP_REQUESTED
            notify(transaction, case, event, step, (campaign,), occasion=occasion, reminder=number)
    return stop_of(session, case.row.id)


def acknowledge_stop(transaction: Transaction, step: Step, campaign: str) -> CampaignStop:
    """Record that the ad centre has stopped a campaign of this case; after the last one, notify of it.

    Raises:
        CampaignUnknown, StopNotRequested, StopOfAnotherCase.

    """
    session = transaction.session
    case = lock(transaction, step.cancellation)
    lock_service(transaction, case.organization.id)
    stop = open_stop(session, campaign)
    if stop is None or case_of(stop) != case.row.id:
        earlier = {known.id for known in stops_of(session, case.row.id)}
        if campaign not in earlier:
            raise _not_ours(session, campaign, case, None if stop is None else case_of(stop))
    elif stop.acknowledged_at is None:
        mark_stopped(transaction, stop, by=step.actor, at=step.dated)
        record_step(transaction, "campaign.stopped", step, after={"campaign": campaign, "action": stop.action})
        _notify_when_all_stopped(transaction, case, step)
    return stop_of(session, case.row.id)


def stop_of(session: Session, case: str) -> CampaignStop:
    """Return the state of the campaigns that a case asked to stop."""
    campaigns = stops_of(session, case)
    return CampaignStop(
        requested=tuple(campaign.id for campaign in campaigns),
        outstanding=tuple(campaign.id for campaign in campaigns if not campaign.acknowledged),
    )


def _notify_when_all_stopped(transaction: Transaction, case: Locked, step: Step) -> None:
    session = transaction.session
    campaigns = stops_of(session, case.row.id)
    if not all(campaign.acknowledged for campaign in campaigns):
        return
    notify(transaction, case, Event.MARKETING_STOPPED, step, campaigns)
    owner = session.scalar(
        select(MarketingServiceRow.billing_administrator).where(
            MarketingServiceRow.organization == case.organization.id
        )
    )
    if isinstance(case, LockedCase) and owner and not same_address(owner, case.organization.billing_administrator):
        notify(
            transaction.only(Channel.MAIL),
            case,
            Event.MARKETING_STOPPED,
            step,
            campaigns,
            occasion="owner",
            mail_to=MARKETING_ADMINISTRATOR,
        )


def _not_ours(
    session: Session, campaign: str, case: Locked, asked_by: str | None
) -> CampaignUnknown | StopNotRequested | StopOfAnotherCase:
    known = session.get(CampaignRow, campaign)
    if known is None or known.organization != case.organization.id:
        return CampaignUnknown(campaign)
    return StopOfAnotherCase(campaign, case.row.id, asked_by) if asked_by else StopNotRequested(campaign)


def notify(
    transaction: Transaction,
    case: Locked,
    event: Event,
    step: Step,
    campaigns: Sequence[CampaignFacts],
    *,
    occasion: str = "",
    mail_to: Addressee | None = None,
    reminder: int = 0,
) -> None:
    """Record that an event about these campaigns is to be announced, once per occasion."""
    about = MarketingFacts(campaigns=tuple(campaigns), reminder=reminder)
    named = f"{event.value}/{occasion}" if occasion else event.value
    notify_of_campaigns(transaction, case, event, step, about, occasion=named, mail_to=mail_to)

"""Notices of the cancellation of a marketing service alone, recorded in the transaction of their event."""

from contract.steps import Step
from domain.marketing import MarketingStage
from domain.messaging import MarketingFacts, MarketingServiceFacts
from domain.vocabulary import Event
from records import outbox
from records.addressees import MARKETING_ADMINISTRATOR
from records.marketing.campaigns import stops_of
from records.marketing.locked_case import LockedMarketingCase
from records.transaction import Transaction


def notify(
    transaction: Transaction,
    case: LockedMarketingCase,
    event: Event,
    step: Step,
    *,
    occasion: str | None = None,
    marketing: MarketingFacts | None = None,
) -> None:
    """Record that the service's owner and systems are to be notified of this event, with the facts as they are now."""
    transaction.session.flush()
    stops = stops_of(transaction.session, case.row.id)
    about = marketing or MarketingFacts(campaigns=stops)
    facts = MarketingServiceFacts(
        cancellation=case.row.id,
        organization=case.organization.id,
        organization_name=case.organization.unique_name,
        organization_url=case.organization.url,
        time_zone=case.zone,
        stage=MarketingStage(case.row.stage),
        occurred_at=step.dated,
        received_at=case.row.received_at,
        channel=case.row.channel,
        request_id=case.row.request_id.removeprefix(f"{case.row.workflow_id}:"),
        request_channel=step.receipt.channel if step.receipt else None,
        recorded_at=step.receipt and step.receipt.entered_at,
        verified=case.row.verified_by is not None,
        intake_ends_at=(case.row.entered_at or case.row.received_at) + case.policy.intake_timeout,
        marketing=about.model_copy(update={"ads_may_still_run": any(not stop.acknowledged for stop in stops)}),
        reason=step.why,
    )
    if case.row.forgotten_at is not None:  # it has something new to be forgotten
        case.row.forgotten_at = None
    outbox.add(
        transaction,
        event,
        facts,
        occasion=occasion or event.value,
        mail_to=case.billing_administrator,
        addressee=MARKETING_ADMINISTRATOR,
    )

"""Cancellations of marketing services alone: holding one, and telling of it."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.steps import Step
from domain.marketing import MarketingStage
from domain.messaging import MarketingFacts, MarketingServiceFacts
from domain.policy import CancellationPolicy
from domain.vocabulary import Channel, Event
from records import outbox
from records.marketing.campaigns import hold_service, stops_of
from storage.tables import MarketingCancellationRow, MarketingServiceRow, OrganizationRow, PolicyRow


@dataclass(frozen=True)
class HeldMarketingCase:
    """A case with what it belongs to. Whoever holds it is alone with the marketing service until the transaction ends."""

    row: MarketingCancellationRow
    service: MarketingServiceRow
    organization: OrganizationRow
    policy: CancellationPolicy


def hold_marketing_case(session: Session, case: str) -> HeldMarketingCase:
    """Hold a case until the transaction ends: its marketing service's row is the lock that all take first."""
    row = session.get_one(MarketingCancellationRow, case)
    service = hold_service(session, row.organization)
    session.refresh(row)  # what a transaction that held it before has written is seen
    organization, durations = session.execute(
        select(OrganizationRow, PolicyRow.durations)
        .join(PolicyRow, PolicyRow.name == OrganizationRow.policy)
        .where(OrganizationRow.id == row.organization)
    ).one()
    assert service is not None  # noqa: S101 - a foreign key says so
    return HeldMarketingCase(row, service, organization, CancellationPolicy.model_validate(durations))


def newest_marketing_case(session: Session, organization: str) -> MarketingCancellationRow | None:
    """Return the newest cancellation of an organization's marketing service alone, running or ended."""
    return session.scalar(
        select(MarketingCancellationRow)
        .where(MarketingCancellationRow.organization == organization)
        .order_by(MarketingCancellationRow.ordinal.desc())
        .limit(1)
    )


def tell_of_service(
    session: Session,
    case: HeldMarketingCase,
    event: Event,
    step: Step,
    *,
    channels: frozenset[Channel],
    occasion: str | None = None,
    marketing: MarketingFacts | None = None,
) -> None:
    """Note that this event of the case is to be told, with the facts as they are now; people hear of it as its owner."""
    session.flush()
    stops = stops_of(session, case.row.id)
    about = marketing or MarketingFacts(campaigns=stops)
    facts = MarketingServiceFacts(
        cancellation=case.row.id,
        organization=case.organization.id,
        organization_name=case.organization.unique_name,
        organization_url=case.organization.url,
        time_zone=case.organization.time_zone,
        stage=MarketingStage(case.row.stage),
        occurred_at=step.at,
        received_at=case.row.received_at,
        verified=case.row.verified_by is not None,
        intake_ends_at=case.row.received_at + case.policy.intake_timeout,
        marketing=about.model_copy(update={"ads_may_still_run": any(not stop.acknowledged for stop in stops)}),
        reason=step.why,
    )
    outbox.tell(
        session,
        event,
        facts,
        occasion=occasion or event.value,
        mail_to=case.service.billing_administrator,
        channels=channels,
    )

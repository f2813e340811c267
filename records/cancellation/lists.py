"""What lists and pages show of cancellations, read from PostgreSQL in one query."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.lines.quote import Quote
from domain.vocabulary import Stage
from storage.tables import CancellationRow, OrganizationRow, SubscriptionRow


class CaseSummary(BaseModel):
    """One cancellation in a list."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    subscription: str
    organization: str
    time_zone: str
    stage: Stage
    received_at: datetime
    termination_date: date | None
    access_ended_on: date | None
    reversal_deadline: datetime | None
    ended_at: datetime | None
    verified: bool
    request_id: str
    """The request that opened it, with the workflow's id before it."""
    quote: Quote | None


def time_zone_of(session: Session, subscription: str) -> str:
    """Return the zone of the subscription's organization; UTC, if the subscription is unknown."""
    found = session.scalar(
        select(OrganizationRow.time_zone)
        .join(SubscriptionRow, SubscriptionRow.organization == OrganizationRow.id)
        .where(SubscriptionRow.id == subscription)
    )
    return found or "UTC"


def list_cases(
    session: Session, *, stage: Stage | None = None, subscription: str | None = None, limit: int = 100
) -> list[CaseSummary]:
    """Return cancellations, newest first."""
    query = (
        select(CancellationRow, OrganizationRow)
        .join(SubscriptionRow, SubscriptionRow.id == CancellationRow.subscription)
        .join(OrganizationRow, OrganizationRow.id == SubscriptionRow.organization)
        .order_by(CancellationRow.received_at.desc(), CancellationRow.id)
        .limit(limit)
    )
    if stage is not None:
        query = query.where(CancellationRow.stage == stage.value)
    if subscription is not None:
        query = query.where(CancellationRow.subscription == subscription)
    return [
        CaseSummary(
            cancellation=case.id,
            subscription=case.subscription,
            organization=organization.id,
            time_zone=organization.time_zone,
            stage=Stage(case.stage),
            received_at=case.received_at,
            termination_date=case.termination_date,
            access_ended_on=case.access_ended_on,
            reversal_deadline=case.reversal_deadline,
            ended_at=case.ended_at,
            verified=case.verified_by is not None,
            request_id=case.request_id,
            quote=Quote.model_validate(case.quote) if case.quote else None,
        )
        for case, organization in session.execute(query)
    ]

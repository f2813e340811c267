"""On-premises migrations as lists and pages show them, read from PostgreSQL."""

from collections.abc import Collection
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from contract import MigrationStatus
from domain.migration import MigrationStage
from domain.vocabulary import WAITS_FOR_OPERATOR, Platform
from storage.tables import CancellationRow, MigrationRow, OrganizationRow


class MigrationSummary(BaseModel):
    """One migration in a list, with the IT department's address for those who correct it."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    subscription: str
    organization: str
    time_zone: str
    platform: Platform
    queue: str
    stage: MigrationStage
    requested_at: datetime
    contact: str | None
    transfer_at: datetime | None
    transfer: int
    attempts: int
    prefix: str | None
    tables: int | None
    rows: int | None
    bytes: int | None
    sha256: str | None
    link_expires_at: datetime | None
    ended_at: datetime | None


def list_migrations(
    session: Session,
    *,
    cancellations: Collection[str] | None = None,
    stage: MigrationStage | None = None,
    queue: str | None = None,
    organizations: Collection[str] | None = None,
    limit: int = 100,
) -> list[MigrationSummary]:
    """Return migrations, the last requested first; those of ``cancellations`` and ``organizations`` alone, if they are given."""
    query = _query().order_by(MigrationRow.requested_at.desc(), MigrationRow.cancellation).limit(limit)
    if cancellations is not None:
        query = query.where(MigrationRow.cancellation.in_(sorted(cancellations)))
    if stage is not None:
        query = query.where(MigrationRow.stage == stage.value)
    if queue is not None:
        query = query.where(MigrationRow.queue == queue)
    if organizations is not None:
        query = query.where(MigrationRow.organization.in_(sorted(organizations)))
    return _read(session, query)


def newest_migration(session: Session, subscription: str) -> MigrationSummary | None:
    """Return the newest migration of a subscription, running or ended."""
    query = _query().where(CancellationRow.subscription == subscription).order_by(CancellationRow.ordinal.desc())
    found = _read(session, query.limit(1))
    return found[0] if found else None


def migration_of(session: Session, cancellation: str) -> MigrationSummary | None:
    """Return the migration of one cancellation."""
    found = _read(session, _query().where(MigrationRow.cancellation == cancellation))
    return found[0] if found else None


def status_of_migration(session: Session, cancellation: str) -> MigrationStatus | None:
    """Return the status of the migration of one cancellation from the records."""
    found = migration_of(session, cancellation)
    if found is None:
        return None
    same = MigrationStatus.model_fields.keys() & MigrationSummary.model_fields.keys()
    waits_for = "" if found.stage.is_final else WAITS_FOR_OPERATOR
    return MigrationStatus(waiting_for=waits_for, **found.model_dump(include=set(same)))


def _query() -> Select[MigrationRow, CancellationRow, OrganizationRow]:
    return (
        select(MigrationRow, CancellationRow, OrganizationRow)
        .join(CancellationRow, CancellationRow.id == MigrationRow.cancellation)
        .join(OrganizationRow, OrganizationRow.id == MigrationRow.organization)
    )


def _read(session: Session, query: Select[MigrationRow, CancellationRow, OrganizationRow]) -> list[MigrationSummary]:
    return [
        MigrationSummary(
            cancellation=row.cancellation,
            subscription=case.subscription,
            organization=row.organization,
            time_zone=case.time_zone or organization.time_zone,
            platform=Platform(organization.platform),
            queue=row.queue,
            stage=MigrationStage(row.stage),
            requested_at=row.requested_at,
            contact=row.contact,
            transfer_at=row.transfer_at,
            transfer=row.transfers,
            attempts=row.attempts,
            prefix=row.prefix,
            tables=row.tables,
            rows=row.rows,
            bytes=row.bytes,
            sha256=row.sha256,
            link_expires_at=row.link_expires_at,
            ended_at=row.ended_at,
        )
        for row, case, organization in session.execute(query)
    ]

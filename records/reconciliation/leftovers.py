"""Migrations without a cancellation that waits for them, bulks that nothing carries out, lines that nobody updates, and schemas
that nobody has, by the records."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from contract.steps import Step
from domain.bulk import BulkState, RowState
from domain.migration import HAND_OVERS, MigrationStage, patience
from domain.policy import CancellationPolicy
from domain.vocabulary import Stage
from records.audit import record_step
from records.transaction import Transaction
from storage.tables import (
    IS_WHOLE,
    BulkItemRow,
    BulkRow,
    CancellationRow,
    ErasedThingRow,
    ErasureRow,
    MigrationRow,
    OrganizationRow,
    PolicyRow,
    SubscriptionLineRow,
    SubscriptionRow,
    SystemTaskRow,
)


@dataclass(frozen=True)
class RecordedMigration:
    """A migration as the records have it."""

    cancellation: str
    subscription: str
    stage: MigrationStage
    cancellation_stage: Stage
    due: datetime | None
    """The instant by which it must have moved."""


@dataclass(frozen=True)
class CopiesOfCase:
    """A case as far as its copies in the object store are concerned."""

    workflow_id: str
    must_be_gone: bool
    """True if the records prove that there are no copies any more: they were discarded or erased."""
    may_exist: bool
    """True if an export or a migration is recorded."""


def open_migrations(session: Session, *, after: str, limit: int) -> list[str]:
    """Return migrations that have not ended, by cancellation, from the one after ``after``."""
    query = select(MigrationRow.cancellation).where(MigrationRow.ended_at.is_(None), MigrationRow.cancellation > after)
    return list(session.scalars(query.order_by(MigrationRow.cancellation).limit(limit)))


def recorded_migration(session: Session, cancellation: str) -> RecordedMigration | None:
    """Return a migration as it is recorded now; None where there is none."""
    found = session.execute(
        select(MigrationRow, CancellationRow.subscription, CancellationRow.stage, PolicyRow.durations)
        .join(CancellationRow, CancellationRow.id == MigrationRow.cancellation)
        .join(OrganizationRow, OrganizationRow.id == MigrationRow.organization)
        .join(PolicyRow, PolicyRow.name == OrganizationRow.policy)
        .where(MigrationRow.cancellation == cancellation)
    ).one_or_none()
    if found is None:
        return None
    row, subscription, cancellation_stage, durations = found
    stage = MigrationStage(row.stage)
    hand_over, due = HAND_OVERS.get(stage), None
    if stage is MigrationStage.SCHEDULED:
        due = row.transfer_at
    elif hand_over is not None:
        due = row.stage_since + patience(CancellationPolicy.model_validate(durations), hand_over).limit
    return RecordedMigration(cancellation, subscription, stage, Stage(cancellation_stage), due)


def copies_of(session: Session, cancellation: str) -> CopiesOfCase | None:
    """Return what the records say about the copies of a case; None where there is no such case."""
    row = session.get(CancellationRow, cancellation, populate_existing=True)
    if row is None:
        return None
    erased = session.scalar(
        select(
            exists().where(ErasureRow.cancellation == row.id, ErasureRow.finished_at.is_not(None)),
        )
    )
    stage = Stage(row.stage)
    return CopiesOfCase(
        workflow_id=row.workflow_id,
        must_be_gone=bool(erased) or (stage.is_final and stage is not Stage.CLOSED),
        may_exist=row.data in ("export", "migrate"),
    )


def record_copies_removed(transaction: Transaction, step: Step, *, objects: int, uploads: int) -> None:
    """Record that copies which had been left behind are removed."""
    after = {"objects": objects, "unfinished_uploads": uploads}
    record_step(transaction, "reconciliation.copies_removed", step, after=after)


def cases_with_open_tasks(session: Session, *, after: str, limit: int) -> list[str]:
    """Return cancellations with a task that a registered system has not confirmed, by id, from the one after ``after``."""
    query = select(SystemTaskRow.cancellation).where(
        SystemTaskRow.cancellation > after, SystemTaskRow.confirmed_at.is_(None), SystemTaskRow.superseded_at.is_(None)
    )
    return list(session.scalars(query.distinct().order_by(SystemTaskRow.cancellation).limit(limit)))


def unfinished_bulks(session: Session, *, after: str, limit: int) -> list[str]:
    """Return bulks that have not ended, or whose rows under way have no result, by id, from the one after ``after``."""
    under_way = exists().where(BulkItemRow.bulk == BulkRow.id, BulkItemRow.state == RowState.UNDER_WAY.value)
    unfinished = BulkRow.state.not_in([state.value for state in BulkState if state.is_final])
    query = select(BulkRow.id).where(BulkRow.id > after, or_(unfinished, under_way))
    return list(session.scalars(query.order_by(BulkRow.id).limit(limit)))


def count_overdue(session: Session, day: date) -> int:
    """Return the number of lines that were due before a day and are not closed or rolled."""
    query = select(func.count()).select_from(SubscriptionLineRow).where(SubscriptionLineRow.due_after < day)
    return session.scalar(query) or 0


def expected_schemas(session: Session) -> set[str]:
    """Return the schemas of organizations, without those that were erased and whose organization uses nothing any more."""
    erased = exists().where(
        ErasureRow.organization == OrganizationRow.id,
        ErasedThingRow.cancellation == ErasureRow.cancellation,
        ErasedThingRow.kind == "schema",
        ErasedThingRow.name == OrganizationRow.data_schema,
        ErasedThingRow.erased_at.is_not(None),
    )
    closed = exists().where(
        CancellationRow.subscription == SubscriptionRow.id, IS_WHOLE, CancellationRow.stage == Stage.CLOSED.value
    )
    in_use = exists().where(SubscriptionRow.organization == OrganizationRow.id, ~closed)
    query = select(OrganizationRow.data_schema).where(
        and_(OrganizationRow.data_schema.is_not(None), or_(~erased, in_use))
    )
    return {schema for schema in session.scalars(query) if schema is not None}

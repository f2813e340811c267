"""Erasures in the records: their obstacles, the things they removed, and the certificate that stays (rules, section 8).

The erased data lies elsewhere, in the object store and in the tenants' database, so no transaction spans both. Each thing
is recorded with its counts before its removal and confirmed afterwards: a crash in between leaves the certificate whole.
"""

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract.steps import Obstacle, Step
from domain.messaging import ErasureFacts
from domain.system_tasks import SystemTask
from domain.vocabulary import Event, Stage
from records.audit import record_step
from records.cancellation import system_tasks
from records.cancellation.locked_case import LockedCase, lock_case
from records.cancellation.notices import notify
from records.last_to_leave import lock_organization, why_kept
from records.legal_holds import is_held
from records.privacy import kept_until
from records.transaction import Transaction
from storage.tables import (
    IS_OWN_DATA,
    IS_WHOLE,
    CancellationRow,
    ErasedThingRow,
    ErasureRow,
    ExportRow,
    OrganizationRow,
    SubscriptionRow,
)

UPLOAD = "upload"
"""The kind of thing on a certificate that is an upload which was never finished."""
COMPACTION = "compaction"
"""The kind of thing on a certificate that says that the store has compacted its files since the objects were removed."""


class ErasedThing(BaseModel):
    """One thing to be removed: its kind, its name and its size."""

    model_config = ConfigDict(frozen=True)

    kind: str
    name: str
    rows: int | None = None
    bytes: int | None = None


class ErasurePlan(BaseModel):
    """The data that an erasure is to remove."""

    model_config = ConfigDict(frozen=True)

    organization: str
    data_schema: str | None
    """The schema to erase; None where there is none, or where it stays (`kept_because`)."""
    kept_because: str | None
    continued: bool
    """True if a part of the schema is erased already."""


class ErasureBlocked(Exception):  # noqa: N818 - a reason to wait, not a fault
    """An obstacle to the erasure that came up after it had begun."""

    def __init__(self, obstacle: Obstacle) -> None:
        self.obstacle = obstacle
        super().__init__(obstacle.value)


def obstacle_to_erasing(transaction: Transaction, cancellation: str) -> Obstacle | None:
    """Return the present obstacle to erasing; None if there is none."""
    return _obstacle(transaction.session, lock_case(transaction, cancellation))


def begin_erasure(transaction: Transaction, step: Step) -> ErasurePlan:
    """Open the certificate, once, and return what there is to erase, as of now. Raises ErasureBlocked."""
    session = transaction.session
    case = lock_case(transaction, step.cancellation)
    _refuse_when_blocked(session, case)
    row, is_continued = session.get(ErasureRow, case.row.id), _is_schema_begun(session, case.row.id)
    if row is None:
        row = ErasureRow(
            cancellation=case.row.id,
            organization=case.organization.id,
            started_at=step.at,
            kept_because=why_kept(session, case, at=step.at),
        )
        session.add(row)
        session.flush()
        record_step(transaction, "erasure.begun", step, "begun")
    elif not is_continued:
        _look_again(session, case, row)
    return ErasurePlan(
        organization=case.organization.id,
        data_schema=None if row.kept_because else case.organization.data_schema,
        kept_because=row.kept_because,
        continued=is_continued,
    )


def _is_schema_begun(session: Session, cancellation: str) -> bool:
    return session.scalar(select(exists().where(ErasedThingRow.cancellation == cancellation, IS_OWN_DATA))) or False


def refuse_when_blocked(transaction: Transaction, cancellation: str) -> None:
    """Raise ErasureBlocked if there is an obstacle to erasing; if not, none can arise until the transaction ends."""
    session = transaction.session
    case = lock_case(transaction, cancellation)
    session.execute(
        select(OrganizationRow.id).where(OrganizationRow.id == case.organization.id).with_for_update(read=True)
    )
    _refuse_when_blocked(session, case)


def keeps_data(transaction: Transaction, cancellation: str) -> bool:
    """Return true if the organization's own data stays after all, for a reason that the certificate then gives.

    If not, nobody can have a use for it until the transaction ends: who adds a subscription to the organization waits.

    Raises ErasureBlocked.
    """
    session = transaction.session
    case = lock_case(transaction, cancellation)
    lock_organization(session, case.organization.id)
    _refuse_when_blocked(session, case)
    row = session.get_one(ErasureRow, case.row.id)
    _look_again(session, case, row)
    return row.kept_because is not None


def _look_again(session: Session, case: LockedCase, row: ErasureRow) -> None:
    """Keep what is left of the organization's data if it has a use again: an erasure may have waited for months since."""
    if row.kept_because is None:
        row.kept_because = why_kept(session, case, at=row.started_at)
        session.flush()


def record_things(transaction: Transaction, cancellation: str, things: Iterable[ErasedThing], *, at: datetime) -> None:
    """Record the things to be removed next, with their counts. Takes no lock: the erasing caller has locked the case."""
    for thing in things:
        values = {"rows": thing.rows, "bytes": thing.bytes, "noted_at": at}
        transaction.session.execute(
            insert(ErasedThingRow)
            .values(cancellation=cancellation, kind=thing.kind, name=thing.name, **values)
            .on_conflict_do_update(
                index_elements=[ErasedThingRow.cancellation, ErasedThingRow.kind, ErasedThingRow.name],
                set_=values,
                where=ErasedThingRow.erased_at.is_(None),
            )
        )


def confirm(transaction: Transaction, cancellation: str, *, at: datetime) -> None:
    """Confirm that everything recorded so far is removed."""
    transaction.session.execute(
        update(ErasedThingRow)
        .where(ErasedThingRow.cancellation == cancellation, ErasedThingRow.erased_at.is_(None))
        .values(erased_at=at)
    )


def last_object_removed(session: Session, cancellation: str) -> datetime | None:
    """Return the instant at which the removal of the last object was confirmed; None where there was none."""
    return session.scalar(
        select(func.max(ErasedThingRow.erased_at)).where(
            ErasedThingRow.cancellation == cancellation, ErasedThingRow.kind.in_(("object", UPLOAD))
        )
    )


def finish_erasure(transaction: Transaction, step: Step, *, at: datetime) -> ErasureFacts:
    """Complete the certificate, which stays, and notify of it. Everything recorded is removed by now.

    Where there was no data here, other systems may have some: they are not asked to erase it if it has a use again.
    """
    session = transaction.session
    case = lock_case(transaction, step.cancellation)
    row = session.get_one(ErasureRow, case.row.id)
    if row.finished_at is None:
        if not _is_schema_begun(session, case.row.id):
            _look_again(session, case, row)
        confirm(transaction, case.row.id, at=at)
        counted: dict[str, tuple[int, int, int]] = {
            kind: (number, int(rows or 0), int(size or 0))
            for kind, number, rows, size in session.execute(
                select(
                    ErasedThingRow.kind,
                    func.count(),
                    func.sum(ErasedThingRow.rows),
                    func.sum(ErasedThingRow.bytes),
                )
                .where(ErasedThingRow.cancellation == case.row.id)
                .group_by(ErasedThingRow.kind)
            )
        }
        row.finished_at = at
        row.tables = counted.get("table", (0, 0, 0))[0]
        row.objects = counted.get("object", (0, 0, 0))[0]
        row.rows = sum(rows for _, rows, _ in counted.values())
        row.bytes = sum(size for _, _, size in counted.values())
        session.execute(
            update(ExportRow).where(ExportRow.cancellation == case.row.id, ExportRow.erased_at.is_(None)).values(
                erased_at=at
            )
        )  # fmt: skip
        session.flush()
        facts = _facts(session, row)
        finished = step.model_copy(update={"at": at})
        record_step(transaction, "erasure.finished", finished, "finished", after=facts.model_dump(mode="json"))
        if row.kept_because is None:
            system_tasks.request(transaction, case, SystemTask.ERASE, finished)
        asked = system_tasks.erasures(session, case.row.id)
        notify(transaction, case, Event.DATA_ERASED, finished, erasure=facts, system_erasures=asked)
    return _facts(session, row)


def record_discarded(transaction: Transaction, step: Step, *, objects: int, at: datetime) -> None:
    """Record that the copies made for a case that ended otherwise are removed."""
    case = lock_case(transaction, step.cancellation)
    transaction.session.execute(
        update(ExportRow)
        .where(ExportRow.cancellation == case.row.id, ExportRow.erased_at.is_(None))
        .values(erased_at=at)
    )
    record_step(transaction, "export.discarded", step, after={"objects": objects})


def certificate_of(session: Session, cancellation: str) -> ErasureFacts | None:
    """Return the certificate of a finished erasure."""
    row = session.get(ErasureRow, cancellation)
    return _facts(session, row) if row is not None and row.finished_at is not None else None


def erased_things(session: Session, cancellation: str) -> list[ErasedThing]:
    """Return everything that an erasure removed, by kind and name."""
    rows = session.scalars(
        select(ErasedThingRow)
        .where(ErasedThingRow.cancellation == cancellation)
        .order_by(ErasedThingRow.kind, ErasedThingRow.name)
    )
    return [ErasedThing.model_validate(row, from_attributes=True) for row in rows]


def _obstacle(session: Session, case: LockedCase) -> Obstacle | None:
    if is_held(session, case.organization.id):
        return Obstacle.HOLD
    unacknowledged = exists().where(ExportRow.cancellation == case.row.id, ExportRow.acknowledged_at.is_(None))
    return Obstacle.ACKNOWLEDGEMENT if session.scalar(select(unacknowledged)) else None


def _refuse_when_blocked(session: Session, case: LockedCase) -> None:
    if (obstacle := _obstacle(session, case)) is not None:
        raise ErasureBlocked(obstacle)


def _facts(session: Session, row: ErasureRow) -> ErasureFacts:
    facts = ErasureFacts.model_validate(row, from_attributes=True).model_copy(
        update={
            "own_records_until": kept_until(session, row.cancellation),
            "compacted": _has_thing(session, row.cancellation, COMPACTION),
        }
    )
    schema = session.get_one(OrganizationRow, row.organization).data_schema
    if row.kept_because or schema is None:
        return facts
    removed = _has_thing(session, row.cancellation, "schema")
    return facts if removed else facts.model_copy(update={"absent_schema": schema})


def _has_thing(session: Session, cancellation: str, kind: str) -> bool:
    there = exists().where(ErasedThingRow.cancellation == cancellation, ErasedThingRow.kind == kind)
    return session.scalar(select(there)) or False


def unerased_cases(session: Session, organization: str) -> list[str]:
    """Return the subscriptions of an organization whose cancellation is closed and may still have data to erase."""
    erased = exists().where(ErasureRow.cancellation == CancellationRow.id, ErasureRow.finished_at.is_not(None))
    return list(
        session.scalars(
            select(CancellationRow.subscription)
            .join(SubscriptionRow, SubscriptionRow.id == CancellationRow.subscription)
            .where(
                SubscriptionRow.organization == organization,
                IS_WHOLE,
                CancellationRow.stage == Stage.CLOSED.value,
                ~erased,
            )
            .order_by(CancellationRow.subscription)
        )
    )

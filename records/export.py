"""Exports in the records: their attempts, the valid one, its links and its acknowledgement (rules, section 10).

Every function is idempotent by its step, as the transitions of a cancellation are.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from contract import ExportStatus
from contract.steps import Step
from domain.export.requests import ExportErased, ExportOfAnotherCase, NoExport
from domain.link_lifetime import next_expiry
from domain.messaging import ExportFacts
from domain.vocabulary import Event, Stage
from records import limits
from records.audit import record_step
from records.cancellation.locked_case import LockedCase, lock_case, organization_of
from records.cancellation.notices import notify
from records.cancellation.transitions import prepare
from records.cancellation.zones import zone_of
from records.transaction import Transaction
from storage.tables import CancellationRow, ErasureRow, ExportRow


class ExportSummary(BaseModel):
    """The contents of a finished export, and its place in the object store."""

    model_config = ConfigDict(frozen=True)

    prefix: str
    """The prefix of its files' keys in the object store; ends with a slash."""
    manifest_sha256: str
    tables: int
    rows: int
    bytes: int
    warnings: int


class ExportAttempt(BaseModel):
    """One attempt at an export: a snapshot, and the place of the files that are written from it."""

    model_config = ConfigDict(frozen=True)

    number: int
    organization: str
    data_schema: str
    prefix: str
    prefix_of_all: str
    """The common prefix of this attempt and all before it, which may have left files behind."""


class ExportState(BaseModel):
    """The state of an export."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    attempts: int
    started_at: datetime
    finished_at: datetime | None
    summary: ExportSummary | None
    links: int
    link_expires_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    erased_at: datetime | None
    being_erased: bool = False
    """True from the beginning of an erasure, when files may be gone already."""

    @property
    def is_gone(self) -> bool:
        """True when nothing can be downloaded any more."""
        return self.erased_at is not None or self.being_erased


class DescribedExport(BaseModel):
    """A finished export, with the organization that owns its data."""

    model_config = ConfigDict(frozen=True)

    state: ExportState
    summary: ExportSummary
    organization_name: str
    time_zone: str
    """The organization's time zone, in which people read the instants; these are UTC."""
    administrator: str
    """The address on record to which its links go."""


class AttemptSuperseded(Exception):  # noqa: N818 - no fault: another attempt took over
    """The refusal of an attempt that is no longer the newest; its files do not count."""


def objects_prefix(cancellation: str) -> str:
    """Return the common prefix of the keys of all objects of a cancellation."""
    return f"cancellations/{cancellation}/"


def begin_export(transaction: Transaction, step: Step) -> ExportSummary | ExportAttempt:
    """Begin the next attempt, which supersedes all before it; or return the export, if it is finished.

    Raises:
        CancellationEnded: nothing is exported any more.

    """
    session = transaction.session
    case = lock_case(transaction, step.cancellation)
    row = session.get(ExportRow, case.row.id)
    if row is None or row.finished_at is None:
        case.refuse_if_ended()
    if row is None:
        prepare(transaction, step)
        row = ExportRow(cancellation=case.row.id, attempts=0, started_at=step.at, links=0)
        session.add(row)
    if row.finished_at is not None:
        return _summary(row)
    row.attempts += 1
    session.flush()
    assert case.organization.data_schema is not None  # noqa: S101 - the checklist refuses data=export without one
    return ExportAttempt(
        number=row.attempts,
        organization=case.organization.id,
        data_schema=case.organization.data_schema,
        prefix=_prefix(case, row.attempts),
        prefix_of_all=f"{objects_prefix(case.row.id)}export/",
    )


def finish_export(transaction: Transaction, step: Step, attempt: int, summary: ExportSummary, *, at: datetime) -> None:
    """Record the files of the attempt as the export, and notify that it can be downloaded; ``at`` is its end.

    Raises:
        AttemptSuperseded: another attempt has begun since.

    """
    session = transaction.session
    case = lock_case(transaction, step.cancellation)
    row = session.get_one(ExportRow, case.row.id)
    if row.finished_at is not None and row.prefix == summary.prefix:
        return
    if row.attempts != attempt or row.finished_at is not None or Stage(case.row.stage).is_final:
        raise AttemptSuperseded
    row.finished_at = at
    row.prefix = summary.prefix
    row.manifest_sha256 = summary.manifest_sha256
    row.tables, row.rows, row.bytes, row.warnings = summary.tables, summary.rows, summary.bytes, summary.warnings
    row.link_expires_at = next_expiry(at, case.policy.download_link_lifetime, row.link_expires_at)
    session.flush()
    finished = step.model_copy(update={"at": at})
    record_step(transaction, "export.finished", finished, "finished", after=summary.model_dump())
    _notify_of_link(transaction, case, row, finished)


def renew_link(transaction: Transaction, step: Step) -> None:
    """Mail a fresh link to the export.

    Raises:
        NoExport, ExportErased, LimitReached.

    """
    case, row = _finished(transaction, step.cancellation)
    if _being_erased(transaction.session, case.row.id):
        raise ExportErased(case.row.id)
    if not record_step(transaction, "export.link_renewed", step):
        return
    row.link_expires_at = next_expiry(step.at, case.policy.download_link_lifetime, row.link_expires_at)
    _notify_of_link(transaction, case, row, step)
    limits.refuse_link_if_reached(transaction, case, step)


def acknowledge(transaction: Transaction, step: Step) -> None:
    """Record that the export was downloaded, so that it may be erased. The first acknowledgement stands.

    Raises:
        NoExport, ExportErased.

    """
    _, row = _finished(transaction, step.cancellation)
    if row.acknowledged_at is None and record_step(transaction, "export.acknowledged", step):
        row.acknowledged_at, row.acknowledged_by = step.dated, step.actor
        transaction.session.flush()


def remind_of_export(transaction: Transaction, step: Step) -> None:
    """Remind, with a fresh link, that the export waits to be downloaded."""
    case, row = _finished(transaction, step.cancellation)
    if row.acknowledged_at is None and record_step(transaction, "reminder.sent", step):
        row.link_expires_at = next_expiry(step.at, case.policy.download_link_lifetime, row.link_expires_at)
        notify(transaction, case, Event.EXPORT_REMINDER, step, occasion=step.name, export=_facts(row))


def export_of(session: Session, cancellation: str) -> ExportState | None:
    """Return the state of the export of a cancellation; None where there is none."""
    row = session.get(ExportRow, cancellation)
    if row is None:
        return None
    return ExportState(
        cancellation=row.cancellation,
        attempts=row.attempts,
        started_at=row.started_at,
        finished_at=row.finished_at,
        summary=_summary(row) if row.finished_at else None,
        links=row.links,
        link_expires_at=row.link_expires_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        erased_at=row.erased_at,
        being_erased=row.erased_at is None and _being_erased(session, cancellation),
    )


def described_export(session: Session, cancellation: str) -> DescribedExport:
    """Return the finished export of a cancellation. Raises NoExport."""
    case, state = session.get(CancellationRow, cancellation), export_of(session, cancellation)
    if case is None or state is None or state.summary is None:
        raise NoExport(cancellation)
    organization = organization_of(session, case)
    return DescribedExport(
        state=state,
        summary=state.summary,
        organization_name=organization.unique_name,
        time_zone=zone_of(session, case),
        administrator=organization.billing_administrator,
    )


def export_status(export: ExportState) -> ExportStatus:
    """Return the status of an export in one word."""
    if export.erased_at is not None:
        return ExportStatus.ERASED
    if export.acknowledged_at is not None:
        return ExportStatus.ACKNOWLEDGED
    return ExportStatus.READY if export.finished_at is not None else ExportStatus.RUNNING


def check_export(session: Session, cancellation: str, named: str) -> None:
    """Refuse a request about an export of another case, an unfinished one, or an erased one.

    Raises:
        ExportOfAnotherCase, NoExport, ExportErased.

    """
    if named != cancellation:
        raise ExportOfAnotherCase(cancellation, named)
    state = export_of(session, cancellation)
    if state is None or state.finished_at is None:
        raise NoExport(cancellation)
    if state.is_gone:
        raise ExportErased(cancellation)


def _being_erased(session: Session, cancellation: str) -> bool:
    return session.get(ErasureRow, cancellation) is not None


def _finished(transaction: Transaction, cancellation: str) -> tuple[LockedCase, ExportRow]:
    case = lock_case(transaction, cancellation)
    row = transaction.session.get(ExportRow, cancellation)
    if row is None or row.finished_at is None:
        raise NoExport(cancellation)
    if row.erased_at is not None:
        raise ExportErased(cancellation)
    return case, row


def _notify_of_link(transaction: Transaction, case: LockedCase, row: ExportRow, step: Step) -> None:
    row.links += 1
    occasion = Event.EXPORT_READY.value if row.links == 1 else f"{Event.EXPORT_READY}/{row.links}"
    notify(transaction, case, Event.EXPORT_READY, step, occasion=occasion, export=_facts(row))


def _facts(row: ExportRow) -> ExportFacts:
    summary = _summary(row)
    assert row.link_expires_at is not None  # noqa: S101 - a constraint of the table, for finished exports
    return ExportFacts(
        tables=summary.tables,
        rows=summary.rows,
        bytes=summary.bytes,
        warnings=summary.warnings,
        link_expires_at=row.link_expires_at,
    )


def _summary(row: ExportRow) -> ExportSummary:
    return ExportSummary.model_validate(row, from_attributes=True)


def _prefix(case: LockedCase, attempt: int) -> str:
    return f"{objects_prefix(case.row.id)}export/{attempt}/"

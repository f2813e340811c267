"""The import of a document in one transaction."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.imports.reading import ImportDocument, read_document
from domain.imports.refusals import ImportMalformed
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from records.imports.existing import Row, load, reload_data_locked, reload_locked
from records.imports.planning import TABLES, Plan, plan_masters, plan_subscriptions
from records.imports.planning_lines import LinePlanner
from records.imports.writing import insert_rows, update_rows
from storage.tables import AuditRow

# Any number, the same for every import: concurrent imports take turns, so that neither gives the other's ids away.
IMPORT_LOCK = 0x0FF_1396


class ImportOvertaken(Refusal):
    """The refusal of an import whose entries were written by somebody else meanwhile."""

    code = "import_overtaken"

    def __init__(self) -> None:
        super().__init__(
            "Nothing was imported: while it ran, somebody else created or changed the same entries.",
            remedy=Remedy.of(RemedyKind.IMPORT_AGAIN),
        )


class Counts(BaseModel):
    """The numbers of created, changed and unchanged entries of one kind."""

    model_config = ConfigDict(frozen=True)

    created: int = 0
    changed: int = 0
    unchanged: int = 0


class ImportReport(BaseModel):
    """The result of an import, in total and by kind."""

    model_config = ConfigDict(frozen=True)

    total: Counts
    kinds: dict[str, Counts]


def import_content(engine: Engine, content: bytes, *, actor: str, at: datetime, source: str) -> ImportReport:
    """Import a document (docs/import-format.md): all of it or, if anything is wrong, nothing.

    Rows that already are as in the document are not written. Changes to the dates of existing lines leave audit rows,
    with ``source``, the name of the document, as the reason.

    Raises:
        ImportMalformed: all problems, by path.
        ImportOvertaken: somebody else created the same entries at the same time.

    """
    document = read_document(content)
    try:
        with Session(engine) as session, session.begin():
            session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": IMPORT_LOCK})
            plan = _planned(session, document, at)
            if plan.problems or document.problems:
                raise ImportMalformed([*document.problems, *plan.problems])
            return _write(session, plan, actor=actor, source=source)
    except IntegrityError:
        raise ImportOvertaken from None


def _planned(session: Session, document: ImportDocument, at: datetime) -> Plan:
    existing = load(session, document)
    plan = _plan(Plan(document, existing, at))
    touched = [row["id"] for row in plan.changes["lines"].changed]
    touched += [row["subscription_line"] for row in plan.changes["planned_lines"].created]
    touched += [row["subscription_line"] for row in plan.changes["invoices"].created]
    touched = sorted({line for line in touched if line in existing.lines})
    extended = {row["subscription"] for row in plan.changes["lines"].created} & existing.subscriptions.keys()
    # An erasure locks a subscription before its organization, which a new subscription locks before others are changed.
    extended |= {row["id"] for row in plan.changes["subscriptions"].changed}
    moved = [
        row["id"]
        for row in plan.changes["organizations"].changed
        if row["data_schema"] != existing.organizations[row["id"]]["data_schema"]
    ]
    if plan.problems or document.problems or not (touched or extended or moved):
        return plan
    # The comparison took no locks, so that an import delays nobody whose lines it leaves alone.
    reload_data_locked(session, existing, moved)
    reload_locked(session, document, existing, touched, extended)
    return _plan(Plan(document, existing, at))


def _plan(plan: Plan) -> Plan:
    plan_masters(plan)
    plan_subscriptions(plan, LinePlanner(plan).run())
    return plan


def _write(session: Session, plan: Plan, *, actor: str, source: str) -> ImportReport:
    for kind, table in TABLES.items():
        insert_rows(session, table, plan.changes[kind].created)
        update_rows(session, table, plan.changes[kind].changed)
    report = _report(plan)
    if report.total.created or report.total.changed:
        insert_rows(session, AuditRow, _audit_rows(plan, report, actor=actor, source=source))
    return report


def _audit_rows(plan: Plan, report: ImportReport, *, actor: str, source: str) -> Sequence[Row]:
    common = {"at": plan.at, "actor": actor, "why": f"import of {source}"}
    rows: list[Row] = [
        {
            **common,
            "action": "line.imported",
            "subscription": change.subscription,
            "subscription_line": change.line,
            "before": change.before,
            "after": change.after,
        }
        for change in plan.dates
    ]
    nothing = {"subscription": None, "subscription_line": None, "before": None}
    written = {kind: counts.model_dump() for kind, counts in report.kinds.items() if counts.created or counts.changed}
    return [*rows, {**common, **nothing, "action": "import.done", "after": written}]


def _report(plan: Plan) -> ImportReport:
    kinds = {
        kind: Counts(created=len(changes.created), changed=len(changes.changed), unchanged=changes.unchanged)
        for kind, changes in plan.changes.items()
    }
    return ImportReport(
        total=Counts(
            created=sum(counts.created for counts in kinds.values()),
            changed=sum(counts.changed for counts in kinds.values()),
            unchanged=sum(counts.unchanged for counts in kinds.values()),
        ),
        kinds=kinds,
    )

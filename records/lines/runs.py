"""Runs of the update of line dates: their beginning, progress and end; and lists of lines."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, undefer

from domain.actors import NIGHTLY_UPDATE, sent_directly
from domain.cancellation.lifecycle import SubscriptionUnknown
from domain.lines.line import SubscriptionLine
from domain.lines.runs import ContractUnknown, FailedLine, LineDatesProgress, LineNeverBilled, Scope
from records import outbox
from records.lines import nightly_sql as sql
from records.lines.nightly import FAILURES_KEPT, days_of
from records.lines.rows import as_domain
from records.transaction import Transaction
from storage.tables import ContractLineRow, ContractRow, LineDatesRunRow, SubscriptionLineRow, SubscriptionRow


class ListedLine(SubscriptionLine):
    """A line in a list."""

    frozen_by: str | None = None
    """The cancellation that froze the line."""
    due_after: date | None = None
    """The last day on which the nightly update leaves the line alone; null: for ever."""


def open_run(
    transaction: Transaction,
    run: str,
    *,
    as_of: date,
    instant: datetime | None = None,
    zone: str,
    scope: Scope,
    actor: str,
    at: datetime,
) -> LineDatesProgress:
    """Open a run as of a day; if it was opened before, change nothing.

    With an ``instant`` the day of each line is that of the instant in the zone of its organization, and ``as_of`` is only its
    day in ``zone``. What somebody asks for has one run, which begins with the id of its workflow: another one under that id is a repetition by
    whoever may write to Temporal, and counts as sent directly.

    Raises:
        SubscriptionUnknown, ContractUnknown.

    """
    session = transaction.session
    _check(session, scope)
    if session.get(LineDatesRunRow, run) is None:
        if actor != NIGHTLY_UPDATE and _has_run(session, run.rpartition("/")[0]):
            actor = sent_directly(actor)
        connection = session.connection()
        days = days_of(connection, as_of, instant)
        due = _count(connection, sql.count_due(scope, days), scope, **sql.day_parameters(days))
        session.execute(
            insert(LineDatesRunRow)
            .values(
                id=run,
                as_of=as_of,
                instant=instant,
                zone=zone,
                scope=scope.model_dump(mode="json", exclude_none=True),
                actor=actor,
                started_at=at,
                due=due,
                unchanged=max(0, _count_open(connection, scope) - due),
            )
            .on_conflict_do_nothing()
        )
    return progress_of(session, run)


def _has_run(session: Session, workflow_id: str) -> bool:
    of_workflow = LineDatesRunRow.id.startswith(f"{workflow_id}/", autoescape=True)
    return bool(workflow_id) and session.scalar(select(LineDatesRunRow.id).where(of_workflow).limit(1)) is not None


def finish_run(transaction: Transaction, run: str, at: datetime) -> LineDatesProgress:
    """Record the end of a run, and the lines that no run can close."""
    session = transaction.session
    row = session.get_one(LineDatesRunRow, run, with_for_update=True, populate_existing=True)
    if row.finished_at is None:
        row.finished_at = at
        row.never_billed, row.never_billed_lines = _never_billed(session.connection(), row)
        session.flush()
    return progress_of(session, run)


def _never_billed(connection: Connection, row: LineDatesRunRow) -> tuple[int, list[dict[str, Any]]]:
    scope = Scope.model_validate(row.scope)
    days = days_of(connection, row.as_of, row.instant)
    parameters = {**sql.day_parameters(days), **sql.scope_parameters(scope), "limit": FAILURES_KEPT}
    found = connection.execute(text(sql.never_billed(scope, days)), parameters).all()
    named = [
        FailedLine(
            id=line.id,
            subscription=line.subscription,
            code=(reason := LineNeverBilled(line.id, line.end_date)).code,
            message=reason.message,
        ).model_dump(mode="json")
        for line in found
    ]
    return (found[0].total if found else 0), named


def progress_of(session: Session, run: str) -> LineDatesProgress:
    """Return the progress of a run."""
    row = session.get_one(LineDatesRunRow, run, populate_existing=True)
    return _as_progress(session, row)


def find_progress(session: Session, workflow_id: str) -> LineDatesProgress | None:
    """Return the progress of the newest run of a workflow, or None if it has not been opened."""
    row = session.scalar(
        select(LineDatesRunRow)
        .where(LineDatesRunRow.id.startswith(f"{workflow_id}/", autoescape=True))
        .order_by(LineDatesRunRow.started_at.desc())
        .limit(1)
    )
    return None if row is None else _as_progress(session, row)


def count_runs(session: Session, name: str) -> int:
    """Return the number of runs that were opened by workflows whose ids are this name, a colon and the rest."""
    named = LineDatesRunRow.id.startswith(f"{name}:", autoescape=True)
    return session.scalar(select(func.count()).select_from(LineDatesRunRow).where(named)) or 0


def latest_runs(session: Session, limit: int) -> list[LineDatesProgress]:
    """Return the newest runs, newest first."""
    rows = session.scalars(select(LineDatesRunRow).order_by(LineDatesRunRow.started_at.desc()).limit(limit))
    return [_as_progress(session, row) for row in rows]


def _as_progress(session: Session, row: LineDatesRunRow) -> LineDatesProgress:
    return LineDatesProgress(
        run=row.id,
        as_of=row.as_of,
        instant=row.instant,
        zone=row.zone,
        scope=Scope.model_validate(row.scope),
        due=row.due,
        closed=row.closed,
        rolled=row.rolled,
        unchanged=row.unchanged,
        failed=row.failed,
        failures=row.failures,
        never_billed=row.never_billed,
        never_billed_lines=row.never_billed_lines,
        busy=row.busy,
        passes=row.passes,
        untold=outbox.count_pending_of_runs(session),
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def list_lines(
    session: Session,
    scope: Scope,
    *,
    line: str | None = None,
    due_as_of: date | None = None,
    organizations: Collection[str] | None = None,
    after: str = "",
    limit: int = 100,
) -> list[ListedLine]:
    """Return lines by id, each with its contract; only one ``line``, those due as of a day, and of organizations, if these are given.

    Raises:
        SubscriptionUnknown, ContractUnknown.

    """
    _check(session, scope)
    query = (
        select(SubscriptionLineRow, ContractLineRow.contract)
        .outerjoin(ContractLineRow, ContractLineRow.subscription_line == SubscriptionLineRow.id)
        .where(SubscriptionLineRow.id > after, *_within(scope))
        .options(undefer(SubscriptionLineRow.due_after))
        .order_by(SubscriptionLineRow.id)
        .limit(limit)
    )
    if line is not None:
        query = query.where(SubscriptionLineRow.id == line)
    if due_as_of is not None:
        query = query.where(SubscriptionLineRow.due_after < due_as_of)
    if organizations is not None:
        query = query.join(SubscriptionRow, SubscriptionRow.id == SubscriptionLineRow.subscription)
        query = query.where(SubscriptionRow.organization.in_(sorted(organizations)))
    return [
        ListedLine(**dict(as_domain(row, contract)), frozen_by=row.frozen_by, due_after=row.due_after)
        for row, contract in session.execute(query)
    ]


def _within(scope: Scope) -> list[ColumnElement[bool]]:
    if scope.subscription is not None:
        return [SubscriptionLineRow.subscription == scope.subscription]
    return [] if scope.contract is None else [ContractLineRow.contract == scope.contract[0]]


def _check(session: Session, scope: Scope) -> None:
    if scope.subscription is not None and session.get(SubscriptionRow, scope.subscription) is None:
        raise SubscriptionUnknown(scope.subscription)
    if scope.contract is not None:
        number, partner = scope.contract
        known = exists().where(ContractRow.number == number, ContractRow.partner == partner.value)
        if not session.scalar(select(known)):
            raise ContractUnknown(number, partner)


def _count_open(connection: Connection, scope: Scope) -> int:
    """Return the number of open lines of a scope, estimated where counting would read the whole table."""
    if not scope.is_everything:
        return _count(connection, sql.count_open(scope), scope)
    plan = connection.scalar(text(sql.ESTIMATE_OPEN))
    return int(plan[0]["Plan"]["Plan Rows"]) if plan else 0


def _count(connection: Connection, statement: str, scope: Scope, **parameters: Any) -> int:
    return connection.scalar(text(statement), {**sql.scope_parameters(scope), **parameters}) or 0

"""The ends of the lines of a cancellation: set and frozen when they are decided, and taken back when it is undone."""

from collections.abc import Sequence

from sqlalchemy import select, update

from contract.steps import Step
from domain.civil_time import day_of
from domain.lines.past import TERM_DATES
from domain.lines.quote import Quote
from domain.lines.terms import provision_end_date, update_as_of, with_end_date
from records.audit import LineChange, record_lines, record_step
from records.cancellation.locked_case import LockedCase
from records.cancellation.quotes import received_lines
from records.lines.rows import DATE_FIELDS, as_domain, dates_of, lines_of, pending_plans
from records.transaction import Transaction
from storage.tables import CancellationLineRow, ContractLineRow, PlannedLineRow, SubscriptionLineRow


def set_ends(transaction: Transaction, case: LockedCase, step: Step, now: Quote) -> list[str]:
    """Withdraw planned lines, set the decided end dates and freeze the lines; return those that got their end date.

    A line that another case has frozen keeps the end that it has from there. One that is billed beyond its end is frozen, and
    waits for its credit memos.
    """
    session = transaction.session
    today = day_of(step.at, case.zone)
    decisions = {line.decision.line_id: line.decision for line in now.lines}
    rows = [
        row
        for row in lines_of(session, case.row.subscription, lock=True)
        if row.id in decisions and row.frozen_by is None
    ]
    for plan in pending_plans(session, [row.id for row in rows]):
        plan.withdrawn_by = case.row.id
        record_step(transaction, "planned_line.withdrawn", step, f"plan:{plan.id}", line=plan.subscription_line)
    session.flush()
    set_lines: list[LineChange] = []
    waiting: list[LineChange] = []
    received = received_lines(session, case.row, rows)
    for row in rows:
        decision = decisions[row.id]
        session.add(
            CancellationLineRow(
                cancellation=case.row.id,
                subscription_line=row.id,
                billing_ends_on=decision.end_date,
                end_date_before=row.end_date,
                term_until_before=row.term_until,
                cancellation_possible_until_before=row.cancellation_possible_until,
                waits_since=step.at if decision.billed_beyond_end else None,
            )
        )
        before = dates_of(row)
        row.frozen_by = case.row.id
        why = "\n".join(step.text for step in decision.explanation)
        # It keeps the dates by which it was decided, and no longer changes them; a reversal restores those of now.
        if decision.billed_beyond_end:
            for name in TERM_DATES:
                setattr(row, name, getattr(received[row.id], name))
            after = {"billing_ends_on": decision.end_date.isoformat()}
            waiting.append(LineChange(row.id, before, {**dates_of(row), **after}, why))
            continue
        ended = with_end_date(received[row.id], decision.end_date, today)
        for name in DATE_FIELDS:
            setattr(row, name, getattr(ended, name))
        set_lines.append(LineChange(row.id, before, dates_of(row), why))
    session.flush()
    case.has_waiting_lines |= bool(waiting)
    record_lines(transaction, "line.end_date_set", step, set_lines)
    record_lines(transaction, "line.end_date_awaited", step, waiting)
    return [change.line for change in set_lines]


def undo_lines(transaction: Transaction, case: LockedCase, step: Step) -> None:
    """Restore the lines as they were, caught up to today, and the planned lines (rules, sections 5 and 6)."""
    session = transaction.session
    today = day_of(step.at, case.zone)
    saved = {
        row.subscription_line: row
        for row in session.scalars(select(CancellationLineRow).where(CancellationLineRow.cancellation == case.row.id))
    }
    restored: list[LineChange] = []
    for_contracts: dict[bool, list[str]] = {True: [], False: []}
    for row in lines_of(session, case.row.subscription, lock=True):
        if (was := saved.get(row.id)) is None or row.frozen_by != case.row.id:
            continue
        before = dates_of(row)
        row.closed = False
        row.frozen_by = None
        row.end_date = was.end_date_before
        row.term_until = was.term_until_before
        row.cancellation_possible_until = was.cancellation_possible_until_before
        caught_up = update_as_of(as_domain(row), today).line
        for name in (*DATE_FIELDS, "closed"):
            setattr(row, name, getattr(caught_up, name))
        restored.append(LineChange(row.id, before, dates_of(row)))
        for_contracts[row.closed].append(row.id)
    session.flush()
    for closed, lines in for_contracts.items():
        session.execute(
            update(ContractLineRow).where(ContractLineRow.subscription_line.in_(lines)).values(closed=closed)
        )
    record_lines(transaction, "line.end_date_restored", step, restored)
    # Lines that had ended before this cancellation stay closed.
    every_line = [as_domain(row) for row in lines_of(session, case.row.subscription)]
    case.subscription.provision_end_date = provision_end_date(every_line)
    _restore_plans(transaction, case, step)


def _restore_plans(transaction: Transaction, case: LockedCase, step: Step) -> None:
    session = transaction.session
    plans: Sequence[PlannedLineRow] = session.scalars(
        select(PlannedLineRow).where(PlannedLineRow.withdrawn_by == case.row.id)
    ).all()
    taken = {plan.subscription_line for plan in pending_plans(session, [plan.subscription_line for plan in plans])}
    closed = set(
        session.scalars(
            select(SubscriptionLineRow.id).where(
                SubscriptionLineRow.id.in_([plan.subscription_line for plan in plans]), SubscriptionLineRow.closed
            )
        )
    )
    for plan in plans:
        if plan.subscription_line in taken | closed:
            continue  # another plan was made meanwhile, or nothing is left to renew
        plan.withdrawn_by = None
        record_step(transaction, "planned_line.put_back", step, f"plan:{plan.id}", line=plan.subscription_line)
    session.flush()

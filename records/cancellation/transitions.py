"""The transitions of a cancellation: one transaction each for state, audit row and notices.

Every function is idempotent by its step: run again, it changes nothing and returns its first result. A case that is further
than the step supposes refuses it: the record is the authority, and the workflow that did not know adopts it.
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select, update

from contract.steps import Effect, Settlement, Step
from domain.cancellation.identity import matches_in_words
from domain.cancellation.lifecycle import CancellationEnded, ChecklistClosed, NothingToReverse, WithdrawalTooLate
from domain.cancellation.open_billing import awaited_credit_memos
from domain.cancellation.termination import access_ended_on
from domain.civil_time import day_of, reversal_deadline, start_of_day
from domain.lines.quote import Quote
from domain.lines.terms import provision_end_date, update_as_of, with_end_date
from domain.vocabulary import Event, Question, Stage
from records import cases
from records.audit import LineChange, record_lines, record_step
from records.cancellation.answers import checklist_of
from records.cancellation.goodwill import goodwill_stands_back
from records.cancellation.locked_case import LockedCase, access_end_of, lock_case
from records.cancellation.notices import last_promised, notify
from records.cancellation.open_billing import billing_of, request_credit_memos
from records.cancellation.quotes import received_lines, requote, termination_of
from records.lines.rows import DATE_FIELDS, as_domain, dates_of, lines_of, pending_plans
from records.transaction import Transaction
from storage.tables import (
    CancellationLineRow,
    ContractLineRow,
    PlannedLineRow,
    SubscriptionLineRow,
)


def settle_lines(transaction: Transaction, step: Step) -> Settlement:
    """Withdraw planned lines, set the end dates and freeze the lines; ask for the credit memos that some need first.

    Rules, sections 6 to 8. Decides again under lock, to take account of an invoice run or a roll since the quote, and
    notifies of the differences. A line that is billed beyond its end is frozen at once, and keeps the end date that it has
    until its credit memos are posted (`records.cancellation.open_billing`).
    """
    case = lock_case(transaction, step.cancellation)
    case.refuse_if_ended()
    unapproved = False
    if case.row.stage in (Stage.INTAKE, Stage.PREPARING):
        unapproved = goodwill_stands_back(transaction, case, step)
        if not unapproved:
            _settle(transaction, case, step)
    billing = billing_of(transaction.session, case)
    now = Quote.model_validate(case.row.quote)
    assert case.row.termination_date is not None  # noqa: S101 - the checklist is complete; the table says so too
    return Settlement(
        quote=now.without_explanations(),
        outstanding_credit_memos=awaited_credit_memos(billing.lines) if billing else (),
        billing=billing,
        termination_day_begins_at=start_of_day(case.row.termination_date, case.zone),
        access_ends_at=access_end_of(case.row, case.zone),
        unapproved=unapproved,
    )


def _settle(transaction: Transaction, case: LockedCase, step: Step) -> None:
    session = transaction.session
    now = requote(session, case.row, lock=True)
    for plan in pending_plans(session, [line.decision.line_id for line in now.lines]):
        plan.withdrawn_by = case.row.id
        record_step(transaction, "planned_line.withdrawn", step, f"plan:{plan.id}", line=plan.subscription_line)
    session.flush()
    today = day_of(step.at, case.zone)
    decisions = {line.decision.line_id: line.decision for line in now.lines}
    set_lines: list[LineChange] = []
    waiting: list[LineChange] = []
    rows = lines_of(session, case.row.subscription, lock=True)
    received = received_lines(session, case.row, rows)
    for row in rows:
        if (decision := decisions.get(row.id)) is None:
            continue
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
        if decision.billed_beyond_end:
            waiting.append(LineChange(row.id, {}, {"billing_ends_on": decision.end_date.isoformat()}, why))
            continue
        # It keeps the dates by which it was decided; a reversal restores those of now.
        ended = with_end_date(received[row.id], decision.end_date, today)
        for name in DATE_FIELDS:
            setattr(row, name, getattr(ended, name))
        set_lines.append(LineChange(row.id, before, dates_of(row), why))
    session.flush()
    record_lines(transaction, "line.end_date_set", step, set_lines)
    record_lines(transaction, "line.end_date_awaited", step, waiting)
    enter(transaction, case, Stage.SCHEDULED, step)
    request_credit_memos(transaction, case, step)
    again = f"{Event.SCHEDULED}/{case.row.restarts}" if case.row.restarts else None
    notify(transaction, case, Event.SCHEDULED, step, occasion=again, promised_before=last_promised(session, case))
    if set_lines:
        ended_lines = [change.line for change in set_lines]
        notify(
            transaction,
            case,
            Event.LINE_ENDED,
            step,
            occasion=again and f"{Event.LINE_ENDED}/{case.row.restarts}",
            lines=ended_lines,
        )


def take_effect(transaction: Transaction, step: Step) -> Effect:
    """End access, open the reversal window and fix its deadline (rules, section 8)."""
    case = lock_case(transaction, step.cancellation)
    if case.row.stage == Stage.SCHEDULED:
        policy, zone = case.policy, case.zone
        assert case.row.termination_date is not None  # noqa: S101 - as for every case that is scheduled
        ended_on = access_ended_on(termination_of(case.row), case.row.termination_date, zone, at=step.at)
        case.row.access_ended_on = ended_on
        case.row.reversal_deadline = (
            step.at + policy.reversal_window
            if policy.reversal_window
            else reversal_deadline(ended_on, policy.reversal_window_days, zone)
        )
        case.subscription.access, case.subscription.access_ended_on = "off", ended_on
        enter(transaction, case, Stage.CANCELED, step)
        notify(transaction, case, Event.EFFECTIVE, step)
    elif case.row.stage != Stage.CANCELED:
        raise CancellationEnded(case.row.id, case.stage)
    assert case.row.access_ended_on is not None  # noqa: S101 - set above or by the first run of this step
    assert case.row.reversal_deadline is not None  # noqa: S101
    return Effect(access_ended_on=case.row.access_ended_on, reversal_deadline=case.row.reversal_deadline)


def reverse(transaction: Transaction, step: Step, *, identity_on_record_now: Collection[Question] = ()) -> None:
    """Restore access, the lines as they would be today, and the planned lines.

    The audit row says of each point of the identity whether it was given as in the cancellation, or as on record now.

    Raises:
        NothingToReverse, CancellationEnded.

    """
    case = lock_case(transaction, step.cancellation)
    if _is_past(case, Stage.REVERSED):
        return
    if case.stage.before_effect:
        raise NothingToReverse(case.row.id, case.stage)
    case.subscription.access, case.subscription.access_ended_on = "on", None
    undo_lines(transaction, case, step)
    # Lines that had ended before this cancellation stay closed.
    lines = [as_domain(row) for row in lines_of(transaction.session, case.row.subscription)]
    case.subscription.provision_end_date = provision_end_date(lines)
    enter(transaction, case, Stage.REVERSED, step, also=matches_in_words(identity_on_record_now))
    notify(transaction, case, Event.REVERSED, step)


def withdraw(transaction: Transaction, step: Step) -> None:
    """End a case that has not taken effect, and undo its changes. Raises WithdrawalTooLate, CancellationEnded."""
    case = lock_case(transaction, step.cancellation)
    if _is_past(case, Stage.WITHDRAWN):
        return
    if not case.stage.before_effect:
        raise WithdrawalTooLate(case.row.id, case.stage)
    undo_lines(transaction, case, step)
    enter(transaction, case, Stage.WITHDRAWN, step)
    notify(transaction, case, Event.WITHDRAWN, step)


def abandon(transaction: Transaction, step: Step) -> None:
    """End a case whose checklist or migration was not finished in time, and undo its changes.

    Raises:
        CancellationEnded, ChecklistClosed: its last answer is recorded, so it came first.

    """
    case = lock_case(transaction, step.cancellation)
    if _is_past(case, Stage.ABANDONED):
        return
    unfinished = case.stage is Stage.INTAKE and not checklist_of(transaction.session, case).is_complete
    if not unfinished and case.stage is not Stage.PREPARING:
        raise ChecklistClosed(case.row.id, case.stage)
    undo_lines(transaction, case, step)
    enter(transaction, case, Stage.ABANDONED, step)
    notify(transaction, case, Event.ABANDONED, step)


def close(transaction: Transaction, step: Step) -> None:
    """End a case whose reversal window is over; the notice of it is the closing certificate. Raises CancellationEnded."""
    case = lock_case(transaction, step.cancellation)
    if _is_past(case, Stage.CLOSED):
        return
    if case.stage.before_effect:
        raise NothingToReverse(case.row.id, case.stage)
    enter(transaction, case, Stage.CLOSED, step)
    notify(transaction, case, Event.CLOSED, step)


def remind(transaction: Transaction, step: Step, event: Event) -> None:
    """Record a reminder, once per occasion."""
    case = lock_case(transaction, step.cancellation)
    if Stage(case.row.stage).is_final:
        return
    if record_step(transaction, "reminder.sent", step, ""):
        if case.stage in (Stage.INTAKE, Stage.PREPARING):
            requote(transaction.session, case.row)
        notify(transaction, case, event, step, occasion=step.name)


def await_approval(transaction: Transaction, step: Step) -> None:
    """Move a case with goodwill to `preparing`, where it waits for the second person."""
    prepare(transaction, step)


def prepare(transaction: Transaction, step: Step) -> None:
    """Move a case whose checklist is complete to `preparing`; one that is there already stays."""
    case = lock_case(transaction, step.cancellation)
    if case.row.stage == Stage.INTAKE:
        enter(transaction, case, Stage.PREPARING, step)
        transaction.session.flush()


def _is_past(case: LockedCase, stage: Stage) -> bool:
    """Return true if the case has ended in this very stage already; raises CancellationEnded if in another one."""
    if case.stage is stage:
        return True
    case.refuse_if_ended()
    return False


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


def enter(
    transaction: Transaction, case: LockedCase, stage: Stage, step: Step, *, also: Mapping[str, str] | None = None
) -> None:
    """Move a case to a stage; a final stage ends it. ``also`` is audited beside the stage."""
    cases.enter(transaction, case, stage, step, "end" if stage.is_final else stage.value, also=also)

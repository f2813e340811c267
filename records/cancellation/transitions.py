"""The transitions of a cancellation: one transaction each for state, audit row and notices.

Every function is idempotent by its step: run again, it changes nothing and returns its first result. A case that is further
than the step supposes refuses it: the record is the authority, and the workflow that did not know adopts it.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime

from sqlalchemy import delete

from contract.steps import Effect, Settlement, Step
from domain.cancellation.identity import matches_in_words
from domain.cancellation.lifecycle import CancellationEnded, ChecklistClosed, NothingToReverse, WithdrawalTooLate
from domain.cancellation.open_billing import awaited_credit_memos
from domain.cancellation.single_lines import ENDED_OTHERWISE, TAKEN_OVER
from domain.cancellation.termination import access_ended_on
from domain.civil_time import day_of, reversal_deadline, start_of_day
from domain.lines.quote import Quote
from domain.system_tasks import SystemTask
from domain.vocabulary import Event, Question, Stage
from records import cases
from records.audit import record_step
from records.cancellation import system_tasks
from records.cancellation.answers import checklist_of
from records.cancellation.goodwill import goodwill_stands_back
from records.cancellation.line_ends import set_ends, undo_lines
from records.cancellation.locked_case import LockedCase, access_end_of, lock_case
from records.cancellation.notices import last_promised, notify
from records.cancellation.open_billing import billing_of, request_credit_memos
from records.cancellation.quotes import requote, requote_line, termination_of
from records.cancellation.single_lines import is_overtaken, taken_over_by, unsettled_line_cases, whole_settled
from records.last_to_leave import lock_organization, other_user
from records.transaction import Transaction
from storage.tables import CancellationLineRow


def settle_lines(transaction: Transaction, step: Step) -> Settlement:
    """Withdraw planned lines, set the end dates and freeze the lines; ask for the credit memos that some need first.

    Rules, sections 6 to 8. Decides again under lock, to take account of an invoice run or a roll since the quote, and
    notifies of the differences. A line that is billed beyond its end is frozen at once, and keeps the end date that it has
    until its credit memos are posted (`records.cancellation.open_billing`).
    """
    case = lock_case(transaction, step.cancellation)
    case.refuse_if_ended()
    unsettled = False
    if case.row.stage in (Stage.INTAKE, Stage.PREPARING):
        if is_overtaken(transaction.session, case.row):
            end_overtaken(transaction, case, actor=step.actor, at=step.at)
            unsettled = True
        elif not (unsettled := goodwill_stands_back(transaction, case, step)):
            _settle(transaction, case, step)
    billing = billing_of(transaction.session, case)
    now = Quote.model_validate(case.row.quote)
    assert case.row.termination_date is not None  # noqa: S101 - the checklist is complete; the table says so too
    return Settlement(
        quote=now.without_explanations(),
        outstanding_credit_memos=awaited_credit_memos(billing.lines) if billing else (),
        billing=billing,
        termination_day_begins_at=start_of_day(case.row.line_ends_on or case.row.termination_date, case.zone),
        access_ends_at=access_end_of(case.row, case.zone),
        unapproved=unsettled,
    )


def _settle(transaction: Transaction, case: LockedCase, step: Step) -> None:
    now = requote(transaction.session, case.row, lock=True)
    ended_lines = set_ends(transaction, case, step, now)
    enter(transaction, case, Stage.SCHEDULED, step)
    request_credit_memos(transaction, case, step)
    again = f"{Event.SCHEDULED}/{case.row.restarts}" if case.row.restarts else None
    promised = last_promised(transaction.session, case)
    notify(transaction, case, Event.SCHEDULED, step, occasion=again, promised_before=promised)
    if ended_lines:
        notify(
            transaction,
            case,
            Event.LINE_ENDED,
            step,
            occasion=again and f"{Event.LINE_ENDED}/{case.row.restarts}",
            lines=ended_lines,
        )
    if case.row.subscription_line is None:
        for overtaken in unsettled_line_cases(transaction.session, case.subscription.id):
            end_overtaken(transaction, lock_case(transaction, overtaken), actor=step.actor, at=step.at)


def end_overtaken(transaction: Transaction, case: LockedCase, *, actor: str, at: datetime) -> None:
    """End a line's case before its end is fixed: the cancellation of the whole subscription ends the line, or it has ended."""
    step = Step(cancellation=case.row.id, name="overtaken", actor=actor, at=at, why=ENDED_OTHERWISE)
    enter(transaction, case, Stage.ABANDONED, step)
    notify(transaction, case, Event.ABANDONED, step)


def take_effect(transaction: Transaction, step: Step) -> Effect:
    """End access, or see a single line end; open the reversal window and fix its deadline (rules, section 8)."""
    case = lock_case(transaction, step.cancellation)
    is_whole = case.row.subscription_line is None
    if case.row.stage == Stage.SCHEDULED:
        policy, zone = case.policy, case.zone
        last_day = case.row.line_ends_on or case.row.termination_date
        assert last_day is not None  # noqa: S101 - as for every case that is scheduled
        ended_on = access_ended_on(termination_of(case.row), last_day, zone, at=step.at)
        case.row.reversal_deadline = (
            step.at + policy.reversal_window
            if policy.reversal_window
            else reversal_deadline(ended_on, policy.reversal_window_days, zone)
        )
        if is_whole:
            case.row.access_ended_on = ended_on
            case.subscription.access, case.subscription.access_ended_on = "off", ended_on
        enter(transaction, case, Stage.CANCELED, step)
        notify(transaction, case, Event.EFFECTIVE, step)
        if is_whole:
            system_tasks.request(transaction, case, SystemTask.END_ACCESS, step)
    elif case.row.stage != Stage.CANCELED:
        raise CancellationEnded(case.row.id, case.stage)
    assert case.row.reversal_deadline is not None  # noqa: S101 - set above or by the first run of this step
    return Effect(access_ended_on=case.row.access_ended_on, reversal_deadline=case.row.reversal_deadline)


def reverse(transaction: Transaction, step: Step, *, identity_on_record_now: Collection[Question] = ()) -> str | None:
    """Restore access, the lines as they would be today, and the planned lines.

    Returns the workflow of the cancellation of the subscription that ends a single line from now on, if one does. The audit row
    says of each point of the identity whether it was given as in the cancellation, or as on record now.

    Raises:
        NothingToReverse, CancellationEnded.

    """
    case = lock_case(transaction, step.cancellation)
    if _is_past(case, Stage.REVERSED):
        return taken_over_by(transaction.session, case)
    if case.stage.before_effect:
        raise NothingToReverse(case.row.id, case.stage)
    if case.row.subscription_line is None:
        case.subscription.access, case.subscription.access_ended_on = "on", None
    undo_lines(transaction, case, step)
    enter(transaction, case, Stage.REVERSED, step, also=matches_in_words(identity_on_record_now))
    notify(transaction, case, Event.REVERSED, step, ends_with_subscription_on=_hand_over(transaction, case, step))
    if case.row.subscription_line is None:
        system_tasks.request(transaction, case, SystemTask.RESTORE_ACCESS, step)
    return taken_over_by(transaction.session, case)


def withdraw(transaction: Transaction, step: Step) -> str | None:
    """End a case that has not taken effect, and undo its changes; returns the same as `reverse`.

    Raises:
        WithdrawalTooLate, CancellationEnded.

    """
    case = lock_case(transaction, step.cancellation)
    if _is_past(case, Stage.WITHDRAWN):
        return taken_over_by(transaction.session, case)
    if not case.stage.before_effect:
        raise WithdrawalTooLate(case.row.id, case.stage)
    undo_lines(transaction, case, step)
    enter(transaction, case, Stage.WITHDRAWN, step)
    notify(transaction, case, Event.WITHDRAWN, step, ends_with_subscription_on=_hand_over(transaction, case, step))
    return taken_over_by(transaction.session, case)


def _hand_over(transaction: Transaction, undone: LockedCase, step: Step) -> date | None:
    """Have a line that does not end alone any more end with its subscription, if a cancellation of that has fixed the ends.

    Before that takes effect it is taken back to its preparation and settled anew, because access and an approved goodwill may
    depend on the line; afterwards the line alone is decided. Returns the day on which it then ends.
    """
    session, line = transaction.session, undone.row.subscription_line
    whole = whole_settled(session, undone)
    if whole is None or line is None:
        return None
    case = lock_case(transaction, whole.id)
    taken = Step(
        cancellation=whole.id, name=f"taken-over/{undone.row.id}", actor=step.actor, at=step.at, why=TAKEN_OVER
    )
    if case.stage is Stage.SCHEDULED:
        promised = last_promised(session, case)
        take_back_ends(transaction, case, taken)
        case.row.corrections += 1
        now = requote(session, case.row)
        occasion = f"{Event.RESCHEDULED}/{case.row.corrections}"
        notify(transaction, case, Event.RESCHEDULED, taken, occasion=occasion, promised_before=promised)
        return next((one.decision.end_date for one in now.lines if one.decision.line_id == line), None)
    now = requote_line(session, case.row, line, today=day_of(step.at, case.zone))
    ended_lines = set_ends(transaction, case, taken, now)
    request_credit_memos(transaction, case, taken)
    if ended_lines:
        notify(
            transaction, case, Event.LINE_ENDED, taken, occasion=f"{Event.LINE_ENDED}/{taken.name}", lines=ended_lines
        )
    return now.billing_ends_on


def take_back_ends(transaction: Transaction, case: LockedCase, step: Step) -> None:
    """Take a case whose ends are fixed back to its preparation, with its lines as they were; its story begins anew."""
    undo_lines(transaction, case, step)
    transaction.session.execute(delete(CancellationLineRow).where(CancellationLineRow.cancellation == case.row.id))
    enter(transaction, case, Stage.PREPARING, step)
    case.row.restarts += 1


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
    is_whole, has_data = case.row.subscription_line is None, case.organization.data_schema is not None
    if is_whole and not has_data:
        # There is nothing to erase here, and nothing to wait for but a legal hold.
        lock_organization(transaction.session, case.organization.id)
        if other_user(transaction.session, case.subscription.id) is None:
            system_tasks.request(transaction, case, SystemTask.ERASE, step)


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


def enter(
    transaction: Transaction, case: LockedCase, stage: Stage, step: Step, *, also: Mapping[str, str] | None = None
) -> None:
    """Move a case to a stage; a final stage ends it. ``also`` is audited beside the stage."""
    cases.enter(transaction, case, stage, step, "end" if stage.is_final else stage.value, also=also)

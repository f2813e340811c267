"""The transitions of a cancellation: one transaction each, holding state, audit row and the record of what to tell.

Every function is idempotent by its step: run again, it changes nothing and returns what it returned first.
"""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from contract.steps import Effect, Settlement, Step
from domain.civil_time import day_of, reversal_deadline, start_of_day
from domain.lines.quote import Quote
from domain.lines.terms import update_as_of, with_end_date
from domain.vocabulary import Channel, Event, Stage
from records.cancellation.cases import HeldCase, current_quote, hold_case, last_promised, record_step, tell_of
from records.lines.rows import DATE_FIELDS, as_domain, dates_of, lines_of, pending_plans
from storage.tables import (
    CancellationLineRow,
    ContractLineRow,
    PlannedLineRow,
    SubscriptionLineRow,
)


def settle_lines(session: Session, step: Step, *, channels: frozenset[Channel]) -> Settlement:
    """Withdraw planned lines, then set the end dates and freeze the lines; or ask for the credit memos needed first.

    Rules, sections 6 and 7. Decides anew under lock, so that an invoice run or a roll since the quote is noticed, and
    tells what became different.
    """
    case = hold_case(session, step.cancellation)
    settled = case.row.stage not in (Stage.INTAKE, Stage.PREPARING)
    if not settled:
        _settle(session, case, step, channels=channels)
    now = Quote.model_validate(case.row.quote)
    assert case.row.termination_date is not None  # noqa: S101 - the checklist is complete; the table says so too
    return Settlement(
        quote=now,
        outstanding_credit_memos=() if case.row.stage == Stage.SCHEDULED or settled else now.credit_memos,
        termination_day_begins_at=start_of_day(case.row.termination_date, case.organization.time_zone),
    )


def _settle(session: Session, case: HeldCase, step: Step, *, channels: frozenset[Channel]) -> None:
    now = current_quote(session, case.row, lock=True)
    case.row.quote = now.model_dump(mode="json")
    for plan in pending_plans(session, [line.decision.line_id for line in now.lines]):
        plan.withdrawn_by = case.row.id
        record_step(session, case, "planned_line.withdrawn", step, f"plan:{plan.id}", line=plan.subscription_line)
    session.flush()
    if now.credit_memos:
        if case.row.stage != Stage.PREPARING:
            _move(session, case, Stage.PREPARING, step, suffix="preparing")
        for invoice in now.credit_memos:
            tell_of(
                session,
                case,
                Event.CREDIT_MEMO_REQUESTED,
                step,
                channels=channels,
                occasion=f"{Event.CREDIT_MEMO_REQUESTED}/{invoice}",
                invoice=invoice,
            )
        return
    today = day_of(step.at, case.organization.time_zone)
    for row in lines_of(session, case.row.subscription, lock=True):
        decision = next((line.decision for line in now.lines if line.decision.line_id == row.id), None)
        if decision is None:
            continue
        session.add(
            CancellationLineRow(
                cancellation=case.row.id,
                subscription_line=row.id,
                billing_ends_on=decision.end_date,
                end_date_before=row.end_date,
                term_until_before=row.term_until,
                cancellation_possible_until_before=row.cancellation_possible_until,
            )
        )
        before = dates_of(row)
        ended = with_end_date(as_domain(row), decision.end_date, today)
        for name in DATE_FIELDS:
            setattr(row, name, getattr(ended, name))
        row.frozen_by = case.row.id
        session.flush()
        record_step(session, case, "line.end_date_set", step, f"line:{row.id}", line=row.id, before=before, after=dates_of(row),
                why="\n".join(step.text for step in decision.explanation))  # fmt: skip
    _move(session, case, Stage.SCHEDULED, step, suffix="scheduled")
    tell_of(session, case, Event.SCHEDULED, step, channels=channels, promised_before=last_promised(session, case))
    ended_lines = [line.decision.line_id for line in now.lines]
    tell_of(session, case, Event.LINE_ENDED, step, channels=channels, lines=ended_lines)


def take_effect(session: Session, step: Step, *, channels: frozenset[Channel]) -> Effect:
    """End access, open the reversal window and fix its deadline (rules, section 8)."""
    case = hold_case(session, step.cancellation)
    if case.row.stage == Stage.SCHEDULED:
        policy, zone = case.policy, case.organization.time_zone
        ended_on = day_of(step.at, zone)
        case.row.access_ended_on = ended_on
        case.row.reversal_deadline = (
            step.at + policy.reversal_window
            if policy.reversal_window
            else reversal_deadline(ended_on, policy.reversal_window_days, zone)
        )
        case.subscription.access, case.subscription.access_ended_on = "off", ended_on
        _move(session, case, Stage.CANCELED, step, suffix="canceled")
        tell_of(session, case, Event.EFFECTIVE, step, channels=channels)
    assert case.row.access_ended_on is not None  # noqa: S101 - set above or by the first run of this step
    assert case.row.reversal_deadline is not None  # noqa: S101
    return Effect(access_ended_on=case.row.access_ended_on, reversal_deadline=case.row.reversal_deadline)


def reverse(session: Session, step: Step, *, channels: frozenset[Channel]) -> None:
    """Give access back, restore the lines as they would be today, and put planned lines back."""
    case = hold_case(session, step.cancellation)
    if case.row.stage != Stage.CANCELED:
        return
    case.subscription.access, case.subscription.access_ended_on = "on", None
    case.subscription.provision_end_date = None
    undo_lines(session, case, step)
    end(session, case, Stage.REVERSED, step)
    tell_of(session, case, Event.REVERSED, step, channels=channels)


def withdraw(session: Session, step: Step, *, channels: frozenset[Channel]) -> None:
    """End a case that has not taken effect; all it did is undone."""
    case = hold_case(session, step.cancellation)
    if not Stage(case.row.stage).before_effect:
        return
    undo_lines(session, case, step)
    end(session, case, Stage.WITHDRAWN, step)
    tell_of(session, case, Event.WITHDRAWN, step, channels=channels)


def abandon(session: Session, step: Step, *, channels: frozenset[Channel]) -> None:
    """End a case that was not finished in time, its checklist or its migration; all it did is undone."""
    case = hold_case(session, step.cancellation)
    if case.row.stage not in (Stage.INTAKE, Stage.PREPARING):
        return
    undo_lines(session, case, step)
    end(session, case, Stage.ABANDONED, step)
    tell_of(session, case, Event.ABANDONED, step, channels=channels)


def close(session: Session, step: Step, *, channels: frozenset[Channel]) -> None:
    """End a case whose reversal window is over; the message that tells it is the closing certificate."""
    case = hold_case(session, step.cancellation)
    if case.row.stage != Stage.CANCELED:
        return
    end(session, case, Stage.CLOSED, step)
    tell_of(session, case, Event.CLOSED, step, channels=channels)


def remind(session: Session, step: Step, event: Event, *, channels: frozenset[Channel]) -> None:
    """Note a reminder; each once per occasion."""
    case = hold_case(session, step.cancellation)
    if Stage(case.row.stage).is_final:
        return
    if record_step(session, case, "reminder.sent", step, ""):
        tell_of(session, case, event, step, channels=channels, occasion=step.name)


def approve_goodwill(session: Session, step: Step, *, approver: str, reason: str) -> None:
    """Keep who agreed to the goodwill, and why."""
    case = hold_case(session, step.cancellation)
    if record_step(session, case, "goodwill.approved", step, "", why=reason, after={"approved_by": approver}):
        case.row.goodwill_approved_by = approver


def await_approval(session: Session, step: Step) -> None:
    """Move a case with goodwill to `preparing`, where it waits for the second person."""
    prepare(session, step)


def prepare(session: Session, step: Step) -> None:
    """Move a case whose checklist is complete to `preparing`; one that is there already stays."""
    case = hold_case(session, step.cancellation)
    if case.row.stage == Stage.INTAKE:
        _move(session, case, Stage.PREPARING, step, suffix="preparing")
        session.flush()


def undo_lines(session: Session, case: HeldCase, step: Step) -> None:
    """Restore the lines to what they were, caught up to today, and put planned lines back (rules, sections 5 and 6)."""
    today = day_of(step.at, case.organization.time_zone)
    saved = {
        row.subscription_line: row
        for row in session.scalars(select(CancellationLineRow).where(CancellationLineRow.cancellation == case.row.id))
    }
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
        session.execute(
            update(ContractLineRow).where(ContractLineRow.subscription_line == row.id).values(closed=row.closed)
        )
        session.flush()
        record_step(session, case, "line.end_date_restored", step, f"line:{row.id}", line=row.id, before=before,
                after=dates_of(row))  # fmt: skip
    _put_plans_back(session, case, step)


def _put_plans_back(session: Session, case: HeldCase, step: Step) -> None:
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
            continue  # somebody planned anew meanwhile, or nothing is left to renew
        plan.withdrawn_by = None
        record_step(session, case, "planned_line.put_back", step, f"plan:{plan.id}", line=plan.subscription_line)
    session.flush()


def _move(session: Session, case: HeldCase, stage: Stage, step: Step, *, suffix: str) -> None:
    before = case.row.stage
    case.row.stage = stage.value
    record_step(
        session, case, f"cancellation.{stage}", step, suffix, before={"stage": before}, after={"stage": stage.value}
    )


def end(session: Session, case: HeldCase, stage: Stage, step: Step) -> None:
    """Move a case to a final stage."""
    _move(session, case, stage, step, suffix="end")
    case.row.ended_at = step.at
    session.flush()

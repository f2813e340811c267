"""The steps of lines that are billed beyond their end: frozen at once, and ended when their credit memos are posted.

A posted credit memo ends its line in its own transaction, also after the end of the case (`end_line_of`). The steps of the
workflow look once more, announce what has ended, and ask for what is still open.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.steps import BillingWait, Step
from domain.cancellation.open_billing import awaited_credit_memos, billing_occasions
from domain.civil_dates import plus_days
from domain.civil_time import day_of
from domain.lines.line import Partner
from domain.lines.terms import is_billed_beyond, with_end_date
from domain.vocabulary import Channel, Event
from records.addressees import Addressee, Role
from records.audit import LineChange, record_lines, record_step, taken_of
from records.cancellation.locked_case import LockedCase, lock_case
from records.cancellation.notices import notify
from records.cancellation.open_lines import ESCALATED, SETTLED_STAGES, Waiting, is_open, open_lines, waiting_lines
from records.cancellation.quotes import received_lines
from records.lines.rows import DATE_FIELDS, as_domain, dates_of, pending_plans
from records.transaction import Transaction
from storage.tables import CancellationLineRow, SubscriptionLineRow, SubscriptionRow

ENDED_BECAUSE = "its credit memos are posted"


def lock_subscription_of(session: Session, line: str) -> None:
    """Lock the subscription of a line, as every transaction does before it locks lines."""
    of_line = select(SubscriptionLineRow.subscription).where(SubscriptionLineRow.id == line).scalar_subquery()
    session.execute(select(SubscriptionRow.id).where(SubscriptionRow.id == of_line).with_for_update())


def end_line_of(transaction: Transaction, line: SubscriptionLineRow, *, actor: str, at: datetime) -> None:
    """End a line that a case has frozen, if a credit memo that was just posted was the last one that it waited for.

    Called in the transaction of the credit memo, which has the subscription locked; whoever posts knows no channels, so
    that the workflow announces it.
    """
    transaction.session.flush()
    if line.frozen_by is None:
        return
    case = lock_case(transaction, line.frozen_by)
    if case.stage in SETTLED_STAGES:
        _end_credited(transaction, case, Step(cancellation=case.row.id, name="credit-memo", actor=actor, at=at))


def look(transaction: Transaction, step: Step) -> BillingWait | None:
    """End the lines whose credit memos are posted, announce that, and ask for the credit memos of newer invoices.

    Returns what is still open; None if nothing is.
    """
    case = lock_case(transaction, step.cancellation)
    if case.stage not in SETTLED_STAGES:
        return None
    _end_credited(transaction, case, step)
    request_credit_memos(transaction, case, step)
    _announce(transaction, case, step)
    return billing_of(transaction.session, case)


def remind(transaction: Transaction, step: Step, event: Event) -> BillingWait | None:
    """Remind billing of the credit memos, or tell the queue for escalations; once per occasion, while lines are open."""
    wait = look(transaction, step)
    if wait is None or not wait.lines:
        return wait
    case = lock_case(transaction, step.cancellation)
    is_escalated = event is Event.CREDIT_MEMO_ESCALATED
    queue = case.policy.credit_memo_escalation_queue if is_escalated else case.policy.billing_queue
    action = ESCALATED if is_escalated else "credit_memo.reminded"
    after = {"queue": queue, "credit_memos": ", ".join(awaited_credit_memos(wait.lines)) or None}
    if record_step(transaction, action, step, after=after):
        notify(
            transaction,
            case,
            event,
            step,
            occasion=step.name,
            queue=queue,
            billing_open_since=wait.since,
            mail_to=Addressee(Role.QUEUE, queue),
        )
    return billing_of(transaction.session, case)


def request_credit_memos(transaction: Transaction, case: LockedCase, step: Step) -> None:
    """Ask for the credit memos that the open lines need, once for each invoice."""
    if not case.has_waiting_lines:
        return
    for line in open_lines(transaction.session, case.row.id):
        credit_from = plus_days(line.billing_ends_on, 1)
        for invoice in line.credit_memos:
            notify(
                transaction,
                case,
                Event.CREDIT_MEMO_REQUESTED,
                step,
                occasion=f"{Event.CREDIT_MEMO_REQUESTED}/{invoice}",
                invoice=invoice,
                credit_from=credit_from,
            )


def billing_of(session: Session, case: LockedCase) -> BillingWait | None:
    """Return what a case waits for from billing; None where every line has ended, and that is announced."""
    if not case.has_waiting_lines or case.stage not in SETTLED_STAGES:
        return None
    waiting = waiting_lines(session, case.row.id)
    if not waiting:
        return None
    since = _since(waiting)
    keys = [f"{case.row.id}:{occasion.name}" for occasion in billing_occasions(case.policy, since)]
    taken = taken_of(session, keys)
    told = max((number for number, key in enumerate(keys, start=1) if key in taken), default=0)
    is_due = any(not is_open(decided, line) or _is_credited(decided, line) for decided, line in waiting)
    return BillingWait(since=since, told=told, lines=open_lines(session, case.row.id), is_due=is_due)


def _end_credited(transaction: Transaction, case: LockedCase, step: Step) -> None:
    """Set the end dates of the lines that are not billed beyond them any more."""
    session, today = transaction.session, day_of(step.at, case.zone)
    waiting = waiting_lines(session, case.row.id, lock=True)
    due = [(decided, line) for decided, line in waiting if is_open(decided, line) and _is_credited(decided, line)]
    if not due:
        return
    step = step.model_copy(update={"name": f"billing-ended-{int(_since(waiting).timestamp())}", "request": None})
    for plan in pending_plans(session, [line.id for _, line in due]):
        plan.withdrawn_by = case.row.id
        record_step(transaction, "planned_line.withdrawn", step, f"plan:{plan.id}", line=plan.subscription_line)
    session.flush()
    changes = []
    received = received_lines(session, case.row, [line for _, line in due])
    for decided, line in due:
        before = dates_of(line)
        ended = with_end_date(received[line.id], decided.billing_ends_on, today)
        for name in DATE_FIELDS:
            setattr(line, name, getattr(ended, name))
        changes.append(LineChange(line.id, before, dates_of(line), ENDED_BECAUSE))
    session.flush()
    record_lines(transaction, "line.end_date_set", step, changes)


def _announce(transaction: Transaction, case: LockedCase, step: Step) -> None:
    """Announce the lines that have ended since the dates were promised; with the last one, that billing has its final end."""
    waiting = waiting_lines(transaction.session, case.row.id)
    ended = [(decided, line) for decided, line in waiting if not is_open(decided, line)]
    for decided, line in ended:
        decided.announced_at = step.at
        occasion = f"{Event.LINE_ENDED}/{line.id}/{decided.billing_ends_on}"
        notify(transaction, case, Event.LINE_ENDED, step, occasion=occasion, lines=[line.id])
    if ended and len(ended) == len(waiting):
        occasion = f"{Event.BILLING_SETTLED}-{int(_since(waiting).timestamp())}"
        partners = set(
            transaction.session.scalars(
                select(SubscriptionLineRow.partner)
                .join(CancellationLineRow, CancellationLineRow.subscription_line == SubscriptionLineRow.id)
                .where(CancellationLineRow.cancellation == case.row.id, CancellationLineRow.waits_since.is_not(None))
            )
        )
        concerned = transaction if Partner.CUSTOMER in partners else transaction.without(Channel.MAIL)
        notify(concerned, case, Event.BILLING_SETTLED, step, occasion=occasion, lines=[line.id for _, line in ended])


def _is_credited(decided: CancellationLineRow, line: SubscriptionLineRow) -> bool:
    return not is_billed_beyond(as_domain(line), decided.billing_ends_on)


def _since(waiting: Sequence[Waiting]) -> datetime:
    return min(decided.waits_since for decided, _ in waiting if decided.waits_since is not None)

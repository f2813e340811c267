"""The lines of a cancellation whose end is decided and waits for credit memos, as the records have them."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, and_, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from domain.cancellation.open_billing import OpenLine
from domain.civil_dates import plus_days
from domain.lines.line import Partner
from domain.vocabulary import Stage
from records.lines.rows import uncredited_invoices
from storage.tables import AuditRow, BillingDocumentRow, CancellationLineRow, CancellationRow, SubscriptionLineRow

SETTLED_STAGES = frozenset({Stage.SCHEDULED, Stage.CANCELED, Stage.CLOSED})
"""The stages in which the ends of the lines are decided and stand."""

ESCALATED = "credit_memo.escalated"
"""The action of an escalation in the audit trail."""

Waiting = tuple[CancellationLineRow, SubscriptionLineRow]
"""The decision about a line, and the line."""

IS_WAITING = and_(CancellationLineRow.waits_since.is_not(None), CancellationLineRow.announced_at.is_(None))
"""The condition for a decision about a line whose end waited for credit memos and is not announced yet."""
CASES_WITH_WAITING_LINES = select(CancellationLineRow.cancellation).where(IS_WAITING)
"""The cancellations with lines whose end waited for credit memos and is not announced yet: few, by an index."""
_WAITS = and_(
    IS_WAITING,
    SubscriptionLineRow.id == CancellationLineRow.subscription_line,
    SubscriptionLineRow.frozen_by == CancellationLineRow.cancellation,
)
_IS_OPEN = SubscriptionLineRow.end_date.is_distinct_from(CancellationLineRow.billing_ends_on)
_IS_CREDITED = or_(
    SubscriptionLineRow.next_billing_date.is_(None),
    SubscriptionLineRow.next_billing_date <= CancellationLineRow.billing_ends_on + 1,
)
_WAITING = (
    select(CancellationLineRow, SubscriptionLineRow)
    .join(SubscriptionLineRow, _WAITS)
    .where(CancellationLineRow.cancellation == bindparam("cancellation"))
    .order_by(SubscriptionLineRow.id)
    .execution_options(populate_existing=True)
)
_WAITING_LOCKED = _WAITING.with_for_update(of=SubscriptionLineRow)


def waiting_lines(session: Session, cancellation: str, *, lock: bool = False) -> Sequence[Waiting]:
    """Return the lines whose end waited for credit memos and is not announced yet; ``lock`` locks the lines, by id."""
    session.flush()
    rows = session.execute(_WAITING_LOCKED if lock else _WAITING, {"cancellation": cancellation})
    return [(decided, line) for decided, line in rows]


def is_open(decided: CancellationLineRow, line: SubscriptionLineRow) -> bool:
    """Return true while the end date of a line is not the decided one."""
    return line.end_date != decided.billing_ends_on


def open_lines(session: Session, cancellation: str) -> tuple[OpenLine, ...]:
    """Return the lines that still wait, by id, each with the invoices to be credited as they are now."""
    waiting = [(decided, line) for decided, line in waiting_lines(session, cancellation) if is_open(decided, line)]
    if not waiting:
        return ()
    of_lines = BillingDocumentRow.subscription_line.in_([line.id for _, line in waiting])
    invoices = uncredited_invoices(session, of_lines)
    return tuple(
        OpenLine(
            line=line.id,
            partner=Partner(line.partner),
            billing_ends_on=decided.billing_ends_on,
            billed_until=_billed_until(decided, line),
            credit_memos=tuple(
                invoice.number
                for invoice in invoices
                if invoice.line == line.id and invoice.period_end > decided.billing_ends_on
            ),
        )
        for decided, line in waiting
    )


def decided_ends(session: Session, lines: Sequence[str]) -> dict[str, date]:
    """Return the decided ends of those lines that wait for credit memos."""
    query = select(SubscriptionLineRow.id, CancellationLineRow.billing_ends_on).join(CancellationLineRow, _WAITS)
    rows = session.execute(query.where(SubscriptionLineRow.id.in_(lines), _IS_OPEN))
    return {line: billing_ends_on for line, billing_ends_on in rows}  # noqa: C416 - for mypy, a row is no pair


def has_open_lines() -> ColumnElement[bool]:
    """Return the condition for a case with a line whose end is decided and not set."""
    return _of_case(_IS_OPEN)


def waits_for_credit_memos() -> ColumnElement[bool]:
    """Return the condition for a case with a line that waits, and whose escalation is not recorded."""
    escalated = exists().where(AuditRow.cancellation == CancellationRow.id, AuditRow.action == ESCALATED)
    return and_(_of_case(_IS_OPEN), ~escalated)


def ends_are_due() -> ColumnElement[bool]:
    """Return the condition for a case with a line whose credit memos are posted, and whose end date is not set."""
    return _of_case(and_(_IS_OPEN, _IS_CREDITED))


def ends_are_unannounced() -> ColumnElement[bool]:
    """Return the condition for a case with a line whose end date is set, or can be, and not announced."""
    return _of_case(or_(~_IS_OPEN, _IS_CREDITED))


def _of_case(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(CancellationLineRow.cancellation == CancellationRow.id, _WAITS, condition)


def _billed_until(decided: CancellationLineRow, line: SubscriptionLineRow) -> date:
    if line.next_billing_date is None:
        return decided.billing_ends_on
    return max(decided.billing_ends_on, plus_days(line.next_billing_date, -1))

"""Subscription lines as the rules see them, locked where they are changed."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select
from sqlalchemy.orm import Session, aliased, undefer

from domain.civil_dates import plus_days
from domain.lines.line import SubscriptionLine
from domain.lines.quote import Invoice
from storage.tables import BillingDocumentRow, PlannedLineRow, SubscriptionLineRow

DATE_FIELDS = ("term_until", "cancellation_possible_until", "end_date")


def as_domain(row: SubscriptionLineRow, contract: str | None = None) -> SubscriptionLine:
    """Return the value object that the rules work on."""
    return SubscriptionLine(
        id=row.id,
        subscription=row.subscription,
        partner=row.partner,
        contract=contract,
        start_date=row.start_date,
        initial_term=row.initial_term,
        subsequent_term=row.subsequent_term,
        notice_period=row.notice_period,
        billing_rhythm=row.billing_rhythm,
        next_billing_date=row.next_billing_date,
        term_until=row.term_until,
        cancellation_possible_until=row.cancellation_possible_until,
        end_date=row.end_date,
        open_billing_line=row.open_billing_line,
        closed=row.closed,
        frozen=row.frozen_by is not None,
    )


_OF_SUBSCRIPTION = (
    select(SubscriptionLineRow)
    .options(undefer(SubscriptionLineRow.known_since))
    .where(SubscriptionLineRow.subscription == bindparam("subscription"))
    .order_by(SubscriptionLineRow.id)
)
_LOCKED = _OF_SUBSCRIPTION.with_for_update()


def lines_of(session: Session, subscription: str, *, lock: bool = False) -> Sequence[SubscriptionLineRow]:
    """Return the lines of a subscription by id; ``lock`` locks them, in that order, until the transaction ends."""
    return session.scalars(_LOCKED if lock else _OF_SUBSCRIPTION, {"subscription": subscription}).all()


def count_open_lines(session: Session, subscription: str) -> int:
    """Return the number of lines of a subscription that are not closed."""
    query = select(func.count()).where(
        SubscriptionLineRow.subscription == subscription, SubscriptionLineRow.closed.is_(False)
    )
    return session.scalar(query) or 0


def uncredited_invoices(session: Session, where: ColumnElement[bool]) -> list[Invoice]:
    """Return what invoices still bill, newest first per line; those that are wholly credited are left out.

    A credit memo credits an invoice from the first day of the memo's own period on (rules, section 6).
    """
    memo = aliased(BillingDocumentRow)
    credited_from: Any = (  # a date or null, which its type does not say
        select(func.min(memo.period_start)).where(memo.credits == BillingDocumentRow.number).scalar_subquery()
    )
    query = (
        select(BillingDocumentRow, credited_from)
        .where(
            BillingDocumentRow.kind == "invoice",
            credited_from.is_distinct_from(BillingDocumentRow.period_start),
            where,
        )
        .order_by(BillingDocumentRow.subscription_line, BillingDocumentRow.period_start.desc())
    )
    return [
        Invoice(
            number=row.number,
            line=row.subscription_line,
            period_start=row.period_start,
            period_end=row.period_end if credited is None else plus_days(credited, -1),
        )
        for row, credited in session.execute(query)
    ]


def invoices_of(session: Session, subscription: str) -> list[Invoice]:
    """Return what the invoices of a subscription's lines still bill, newest first per line."""
    of_subscription = BillingDocumentRow.subscription_line.in_(
        select(SubscriptionLineRow.id).where(SubscriptionLineRow.subscription == subscription)
    )
    return uncredited_invoices(session, of_subscription)


def pending_plans(session: Session, lines: Sequence[str]) -> Sequence[PlannedLineRow]:
    """Return the pending renewals and price changes of these lines."""
    return session.scalars(
        select(PlannedLineRow)
        .where(PlannedLineRow.subscription_line.in_(lines), PlannedLineRow.withdrawn_by.is_(None))
        .order_by(PlannedLineRow.id)
    ).all()


def dates_of(row: SubscriptionLineRow) -> dict[str, str | None]:
    """Return a line's dates as the audit trail writes them."""
    return {name: value.isoformat() if (value := getattr(row, name)) else None for name in DATE_FIELDS}

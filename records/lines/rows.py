"""Subscription lines as the rules see them, locked where they are changed."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

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


def lines_of(session: Session, subscription: str, *, lock: bool = False) -> Sequence[SubscriptionLineRow]:
    """Return the lines of a subscription by id; ``lock`` locks them, in that order, until the transaction ends."""
    query = (
        select(SubscriptionLineRow)
        .where(SubscriptionLineRow.subscription == subscription)
        .order_by(SubscriptionLineRow.id)
    )
    return session.scalars(query.with_for_update() if lock else query).all()


def count_open_lines(session: Session, subscription: str) -> int:
    """Return the number of lines of a subscription that are not closed."""
    query = select(func.count()).where(
        SubscriptionLineRow.subscription == subscription, SubscriptionLineRow.closed.is_(False)
    )
    return session.scalar(query) or 0


def uncredited_invoices(session: Session, where: ColumnElement[bool]) -> Sequence[BillingDocumentRow]:
    """Return the invoices that no credit memo has reversed, newest first per line."""
    memo = aliased(BillingDocumentRow)
    return session.scalars(
        select(BillingDocumentRow)
        .where(BillingDocumentRow.kind == "invoice", where, ~exists().where(memo.credits == BillingDocumentRow.number))
        .order_by(BillingDocumentRow.subscription_line, BillingDocumentRow.period_start.desc())
    ).all()


def invoices_of(session: Session, subscription: str) -> list[Invoice]:
    """Return the invoices of a subscription's lines that no credit memo has reversed."""
    of_subscription = BillingDocumentRow.subscription_line.in_(
        select(SubscriptionLineRow.id).where(SubscriptionLineRow.subscription == subscription)
    )
    return [
        Invoice(number=row.number, line=row.subscription_line, period_start=row.period_start, period_end=row.period_end)
        for row in uncredited_invoices(session, of_subscription)
    ]


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

"""Quotes: the consequences of a cancellation for a subscription's lines as they are now (rules, section 7)."""

from datetime import date

from sqlalchemy.orm import Session

from domain.lines.quote import Quote, quote
from records.lines.rows import as_domain, invoices_of, lines_of
from storage.tables import CancellationRow


def quote_subscription(
    session: Session,
    subscription: str,
    *,
    received_on: date,
    wished_on: date | None,
    goodwill: bool = False,
    lock: bool = False,
) -> Quote:
    """Decide the lines of a subscription as they are now; ``lock`` locks them until the transaction ends."""
    rows = lines_of(session, subscription, lock=lock)
    billed = any(row.next_billing_date is not None for row in rows)
    return quote(
        subscription,
        [as_domain(row) for row in rows],
        invoices_of(session, subscription) if billed else [],
        received_on=received_on,
        wished_on=wished_on,
        goodwill=goodwill,
    )


def current_quote(session: Session, case: CancellationRow, *, lock: bool = False) -> Quote:
    """Decide the lines of a case's subscription for the day it was received and the wish known so far."""
    return quote_subscription(
        session,
        case.subscription,
        received_on=case.received_on,
        wished_on=case.termination_date,
        goodwill=case.goodwill_reason is not None and case.goodwill_approved_by is not None,
        lock=lock,
    )

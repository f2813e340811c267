"""Quotes: the consequences of a cancellation for a subscription's lines as they are now (rules, section 7)."""

from datetime import date

from sqlalchemy.orm import Session

from domain.lines.quote import Quote, quote
from domain.vocabulary import Stage, Termination
from records.cancellation.open_lines import decided_ends
from records.lines.rows import as_domain, invoices_of, lines_of
from storage.tables import CancellationRow


def quote_subscription(
    session: Session,
    subscription: str,
    *,
    received_on: date,
    wished_on: date | None,
    termination: Termination = Termination.ON_DATE,
    goodwill: bool = False,
    lock: bool = False,
) -> Quote:
    """Decide the lines of a subscription as they are now; ``lock`` locks them until the transaction ends.

    A line whose decided end waits for credit memos ends on that day.
    """
    rows = lines_of(session, subscription, lock=lock)
    billed = any(row.next_billing_date is not None for row in rows)
    waiting = [row.id for row in rows if row.frozen_by is not None and row.next_billing_date is not None]
    decided = decided_ends(session, waiting) if waiting else {}
    return quote(
        subscription,
        [
            as_domain(row).model_copy(update={"end_date": decided[row.id]}) if row.id in decided else as_domain(row)
            for row in rows
        ],
        invoices_of(session, subscription) if billed else [],
        received_on=received_on,
        wished_on=wished_on,
        termination=termination,
        goodwill=goodwill,
    )


def current_quote(session: Session, case: CancellationRow, *, lock: bool = False) -> Quote:
    """Decide the lines of a case's subscription for the day it was received and the wish known so far."""
    return quote_subscription(
        session,
        case.subscription,
        received_on=case.received_on,
        wished_on=case.termination_date,
        termination=termination_of(case),
        goodwill=case.goodwill_reason is not None and case.goodwill_approved_by is not None,
        lock=lock,
    )


def proposed_quote(session: Session, case: CancellationRow, *, lock: bool = False) -> Quote:
    """Decide the lines as the goodwill would end them, which is what a second person approves."""
    return quote_subscription(
        session,
        case.subscription,
        received_on=case.received_on,
        wished_on=case.termination_date,
        termination=termination_of(case),
        goodwill=True,
        lock=lock,
    )


def awaits_approval(case: CancellationRow) -> bool:
    """Return true if a goodwill is requested and not approved."""
    return case.goodwill_reason is not None and case.goodwill_approved_by is None


def requote(session: Session, case: CancellationRow, *, lock: bool = False) -> Quote:
    """Decide the lines anew, and record the answer as what the case promises from now on."""
    now = current_quote(session, case, lock=lock)
    case.quote = now.model_dump(mode="json")
    if termination_of(case) is Termination.END_OF_TERM:
        case.termination_date = now.access_ends_on
    return now


def shown_quote(session: Session, case: CancellationRow) -> Quote | None:
    """Return the quote as it is shown: what cancelling would mean now, until the dates are fixed, and then what was fixed."""
    if Stage(case.stage) in (Stage.INTAKE, Stage.PREPARING):
        return current_quote(session, case)
    return Quote.model_validate(case.quote) if case.quote else None


def termination_of(case: CancellationRow) -> Termination:
    """Return the way in which the end of access is asked for; on a date where it is not answered yet."""
    return Termination(case.termination or Termination.ON_DATE)

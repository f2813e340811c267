"""Quotes: the consequences of a cancellation for a subscription's lines, as they were when it was received (rules, section 7)."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from domain.lines.line import SubscriptionLine
from domain.lines.past import LineUnknownOnDay, RecordedChange
from domain.lines.quote import Invoice, Quote, quote
from domain.refusals import Refusal
from domain.vocabulary import Stage, Termination
from records.cancellation.open_lines import decided_ends
from records.cancellation.zones import zone_of
from records.lines.past import lines_as_received
from records.lines.rows import as_domain, invoices_of, lines_of
from storage.tables import CancellationRow, SubscriptionLineRow


@dataclass(frozen=True)
class KnownLines:
    """The lines of a subscription as somebody has read them already, with those of others, for one day of receipt."""

    rows: Sequence[SubscriptionLineRow]
    """By id."""
    changes: Mapping[str, Sequence[RecordedChange]]
    invoices: Sequence[Invoice]
    """What invoices still bill, newest first per line."""


def quote_subscription(
    session: Session,
    subscription: str,
    *,
    received_on: date,
    zone: str,
    wished_on: date | None,
    termination: Termination = Termination.ON_DATE,
    goodwill: bool = False,
    lock: bool = False,
    case: str | None = None,
    line: str | None = None,
    known: KnownLines | None = None,
) -> Quote:
    """Decide the lines of a subscription as they were on the day of receipt, a civil day in ``zone``, and as billed now.

    ``lock`` locks them until the transaction ends; ``case`` is the cancellation that is decided, if there is one; ``line`` the
    only one to decide. A line whose decided end waits for credit memos ends on that day. One that another case has ended keeps
    its date, also with goodwill. ``known`` are its lines, where they were read with those of others.

    Raises:
        LineUnknownOnDay, and what `domain.lines.decision.decide` raises.

    """
    found = lines_of(session, subscription, lock=lock) if known is None else known.rows
    rows = [row for row in found if line in (None, row.id)]
    billed = any(row.next_billing_date is not None for row in rows)
    waiting = [row.id for row in rows if row.frozen_by is not None and row.next_billing_date is not None]
    decided = decided_ends(session, waiting) if waiting else {}
    wish = wished_on if termination is Termination.ON_DATE else None
    settled = {row.id: as_domain(row) for row in rows if row.frozen_by not in (None, case)}
    others = [row for row in rows if row.id not in settled]
    received = {
        one.id: one
        for one in lines_as_received(
            session,
            others,
            received_on=received_on,
            zone=zone,
            wished_on=wish,
            case=case,
            changes=None if known is None else known.changes,
        )
    }
    lines = [settled.get(row.id) or received[row.id] for row in rows]
    decided_quote = quote(
        subscription,
        [line.model_copy(update={"end_date": decided.get(line.id, line.end_date)}) for line in lines],
        (invoices_of(session, subscription) if known is None else known.invoices) if billed else [],
        received_on=received_on,
        wished_on=wished_on,
        termination=termination,
        goodwill=goodwill,
        settled=settled,
    )
    if line is None:
        return decided_quote
    of_a_day = tuple(other for other in decided_quote.alternatives if other.terminate_on is not Termination.END_OF_TERM)
    return decided_quote.model_copy(update={"line": line, "alternatives": of_a_day})


def current_quote(session: Session, case: CancellationRow, *, lock: bool = False) -> Quote:
    """Decide the lines of a case for the day it was received and the wish known so far; raises as above."""
    approved = case.goodwill_reason is not None and case.goodwill_approved_by is not None
    return _quote_case(session, case, goodwill=approved, lock=lock, line=case.subscription_line)


def proposed_quote(session: Session, case: CancellationRow, *, lock: bool = False) -> Quote:
    """Decide the lines as the goodwill would end them, which is what a second person approves."""
    return _quote_case(session, case, goodwill=True, lock=lock, line=case.subscription_line)


def _quote_case(
    session: Session,
    case: CancellationRow,
    *,
    goodwill: bool,
    lock: bool,
    line: str | None,
    received_on: date | None = None,
) -> Quote:
    """Decide lines for the wish of a case and its day of receipt, or another one."""
    return quote_subscription(
        session,
        case.subscription,
        received_on=received_on or case.received_on,
        zone=zone_of(session, case),
        wished_on=case.termination_date,
        termination=termination_of(case),
        goodwill=goodwill,
        lock=lock,
        case=case.id,
        line=line,
    )


def awaits_approval(case: CancellationRow) -> bool:
    """Return true if a goodwill is requested and not approved."""
    return case.goodwill_reason is not None and case.goodwill_approved_by is None


def requote(session: Session, case: CancellationRow, *, lock: bool = False) -> Quote:
    """Decide the lines anew, and record the answer as what the case promises from now on."""
    now = current_quote(session, case, lock=lock)
    case.quote = now.model_dump(mode="json")
    if case.subscription_line is not None:
        case.line_ends_on = now.billing_ends_on or case.line_ends_on  # a line that is closed meanwhile has its end
    if termination_of(case) is Termination.END_OF_TERM:
        case.termination_date = now.access_ends_on if case.subscription_line is None else case.line_ends_on
    return now


def requote_line(session: Session, case: CancellationRow, line: str, *, today: date) -> Quote:
    """Decide one more line for a case whose other ends are fixed, and record it with these; return the decision about it.

    Without goodwill, which nobody has approved for this line. A line that nobody can tell how it was on the day of receipt is
    decided as it is ``today``.
    """
    try:
        now = _quote_case(session, case, goodwill=False, lock=True, line=line)
    except LineUnknownOnDay:
        now = _quote_case(session, case, goodwill=False, lock=True, line=line, received_on=today)
    promised = Quote.model_validate(case.quote)
    others = [one for one in promised.lines if one.decision.line_id != line]
    lines = sorted((*others, *now.lines), key=lambda one: one.decision.line_id)
    case.quote = promised.model_copy(update={"lines": tuple(lines)}).model_dump(mode="json")
    return now


def shown_quote(session: Session, case: CancellationRow) -> Quote | None:
    """Return the quote as it is shown: what cancelling would mean now, until the dates are fixed, and then what was fixed."""
    if Stage(case.stage) in (Stage.INTAKE, Stage.PREPARING):
        with suppress(Refusal):  # which the case shows as its obstacle, and no list fails with
            return current_quote(session, case)
    return Quote.model_validate(case.quote) if case.quote else None


def termination_of(case: CancellationRow) -> Termination:
    """Return the way in which the end of access is asked for; on a date where it is not answered yet."""
    return Termination(case.termination or Termination.ON_DATE)


def received_lines(
    session: Session, case: CancellationRow, rows: Sequence[SubscriptionLineRow]
) -> dict[str, SubscriptionLine]:
    """Return lines of a case's subscription as its quote takes them, by id."""
    lines = lines_as_received(
        session,
        rows,
        received_on=case.received_on,
        zone=zone_of(session, case),
        wished_on=case.termination_date if termination_of(case) is Termination.ON_DATE else None,
        case=case.id,
    )
    return {line.id: line for line in lines}

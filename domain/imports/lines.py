"""The lines that an import asks for: missing dates are calculated for a new line, and kept for an existing one.

Rules, section 4 for the calculation, sections 2 and 6 for what is refused.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from domain.billing.refusals import BillingBeyondEnd
from domain.imports.document import ImportedLine
from domain.imports.refusals import BillingBeforeStart, ClosedWithTermDates, StartDateBilled
from domain.lines.line import EndBeforeStart, SubscriptionLine, ends_before_start
from domain.lines.refusals import BilledBeyondEnd, SubsequentTermNeeded
from domain.lines.terms import (
    check_end_date,
    first_calculation,
    is_billed_beyond,
    update_as_of,
    with_cancellation_possible_until,
    with_term_until,
)
from domain.refusals import Refusal

TERM_DATES = ("term_until", "cancellation_possible_until", "end_date")
DATES = ("start_date", "next_billing_date", *TERM_DATES)
TERMS = ("initial_term", "subsequent_term", "notice_period", "billing_rhythm")
KEPT_WHEN_NOT_SET = ("next_billing_date", *TERM_DATES, "open_billing_line", "closed")
"""Fields that the service itself advances: an import that does not name them leaves them as they are."""


class LineRefused(Exception):  # noqa: N818 - carries refusals, which are answers
    """The problems of a line, each with the field that it is about."""

    def __init__(self, *found: tuple[str, Refusal]) -> None:
        self.found = found
        super().__init__(*(str(refusal) for _, refusal in found))


def new_line(entry: ImportedLine, subscription: str, today: date) -> SubscriptionLine:
    """Return the line that ``entry`` creates; ``today`` is the day in the organization's zone. Raises `LineRefused`."""
    return _checked(_calculated(_line(_values(entry, subscription)), entry, today))


def revised_line(
    entry: ImportedLine,
    existing: SubscriptionLine,
    today: date,
    *,
    has_planned_line: bool,
    cancellation: str | None = None,
) -> SubscriptionLine:
    """Return the line that ``entry`` makes of an existing one; the same object if nothing is to change.

    An entry that repeats the line as it was before a nightly update that has run meanwhile asks for no change. ``cancellation``
    is the one that the line is under. Raises `LineRefused`.
    """
    values = _values(entry, existing.subscription or "")
    kept = {name: getattr(existing, name) for name in KEPT_WHEN_NOT_SET if getattr(entry, name) is None}
    line = _line({**values, **kept, "contract": existing.contract, "frozen": existing.frozen})
    if line == existing or _caught_up(line, today) == existing:
        return existing
    if line.subsequent_term is None and existing.subsequent_term is not None and line.notice_period is not None:
        raise LineRefused(("subsequent_term", SubsequentTermNeeded(line)))
    line = _recalculated(_started(line, entry, existing), entry, existing, today)
    _check_billing(line, existing, cancellation)
    if line.end_date != existing.end_date and line.end_date is not None:
        try:
            check_end_date(existing.model_copy(update={"next_billing_date": line.next_billing_date,
                                                       "start_date": line.start_date}),
                           line.end_date, has_planned_line=has_planned_line)  # fmt: skip
        except Refusal as refusal:
            raise LineRefused(("end_date", refusal)) from None
    return _checked(line)


def changed_fields(before: SubscriptionLine, after: SubscriptionLine) -> list[str]:
    """Return the names of the dates, of ``closed`` and of the terms in which two states of a line differ."""
    return [name for name in (*DATES, "closed", *TERMS) if getattr(before, name) != getattr(after, name)]


def _values(entry: ImportedLine, subscription: str) -> dict[str, Any]:
    values = {name: value for name, value in entry if name in SubscriptionLine.model_fields and value is not None}
    return {**values, "subscription": subscription}


def _line(values: dict[str, Any]) -> SubscriptionLine:
    try:
        return SubscriptionLine.read(values)
    except Refusal as refusal:
        raise LineRefused((refusal.values.get("field", ""), refusal)) from None


def _calculated(line: SubscriptionLine, entry: ImportedLine, today: date) -> SubscriptionLine:
    """Return the line after its first calculation, or with the dates that follow from those that the entry names."""
    if line.closed:
        return line
    try:
        if entry.term_until is not None and entry.cancellation_possible_until is None:
            return with_term_until(line, entry.term_until)
        if entry.cancellation_possible_until is not None and entry.term_until is None:
            return with_cancellation_possible_until(line, entry.cancellation_possible_until)
        if entry.term_until is not None:
            return line
        if entry.end_date is not None:
            # Not the first calculation, which would replace the end by that of the initial term.
            return with_term_until(line, None if entry.end_date < today else entry.end_date)
        return first_calculation(line)
    except Refusal as refusal:
        raise LineRefused(("start_date", refusal)) from None


def _started(line: SubscriptionLine, entry: ImportedLine, existing: SubscriptionLine) -> SubscriptionLine:
    """Return the line with a start date that may have moved: only while nothing is billed, and then billing starts with it."""
    billed_from = existing.next_billing_date
    if line.start_date == existing.start_date or billed_from is None:
        return line
    if billed_from != existing.start_date:
        raise LineRefused(("start_date", StartDateBilled(line.start_date, existing.start_date, billed_from)))
    return line if entry.next_billing_date else line.model_copy(update={"next_billing_date": line.start_date})


def _check_billing(line: SubscriptionLine, existing: SubscriptionLine, cancellation: str | None) -> None:
    """Refuse to bill a line beyond an end date that it has already."""
    billed, end = line.next_billing_date, line.end_date
    if billed is None or end is None or end != existing.end_date or billed == existing.next_billing_date:
        return
    if is_billed_beyond(line, end):
        raise LineRefused(("next_billing_date", BillingBeyondEnd(line.id, billed, end, cancellation)))


def _recalculated(
    line: SubscriptionLine, entry: ImportedLine, existing: SubscriptionLine, today: date
) -> SubscriptionLine:
    """Return the line with the dates that follow for those that the entry does not name (rules, section 4, edits)."""
    named = any(getattr(entry, name) is not None for name in TERM_DATES)
    if line.closed:
        cleared = {name: None for name in ("term_until", "cancellation_possible_until") if getattr(entry, name) is None}
        return line.model_copy(update=cleared)
    if line.start_date != existing.start_date and not named:
        blank = {"term_until": None, "cancellation_possible_until": None}
        return _calculated(line.model_copy(update=blank), entry, today)
    if entry.term_until is not None or entry.cancellation_possible_until is not None:
        return _calculated(line, entry, today)
    if entry.end_date is not None and entry.end_date != existing.end_date and entry.end_date < today:
        return line.model_copy(update={"term_until": None, "cancellation_possible_until": None})
    if line.notice_period != existing.notice_period and line.term_until is not None:
        try:
            return with_term_until(line.model_copy(update={"cancellation_possible_until": None}), line.term_until)
        except Refusal as refusal:
            raise LineRefused(("notice_period", refusal)) from None
    return line


def _caught_up(line: SubscriptionLine, today: date) -> SubscriptionLine:
    try:
        return update_as_of(line, today).line
    except Refusal:
        return line


def _checked(line: SubscriptionLine) -> SubscriptionLine:
    if found := tuple(_contradictions(line)):
        raise LineRefused(*found)
    return line


def _contradictions(line: SubscriptionLine) -> Iterator[tuple[str, Refusal]]:
    if line.closed and (line.term_until is not None or line.cancellation_possible_until is not None):
        yield "closed", ClosedWithTermDates()
    if line.next_billing_date is not None and line.next_billing_date < line.start_date:
        yield "next_billing_date", BillingBeforeStart(line.next_billing_date, line.start_date)
    if line.end_date is None:
        return
    if ends_before_start(line.end_date, line.start_date):
        yield "end_date", EndBeforeStart(line.end_date, line.start_date)
    elif line.next_billing_date is not None and is_billed_beyond(line, line.end_date):
        yield "end_date", BilledBeyondEnd(line, line.end_date, line.next_billing_date)

"""The line as it was on the day of receipt, by what the audit trail has recorded since (rules, section 7).

Terms and dates are taken as they were on that day. Everything else is as it is now: a line is billed, open or closed today,
whatever it was then.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from domain.civil_dates import DateOutOfRange, day_text, plus_days
from domain.lines.date_formula import DateFormula
from domain.lines.decision import decide
from domain.lines.line import SubscriptionLine
from domain.lines.terms import deadline_for, first_calculation, reference_date, shifted, update_as_of
from domain.refusals import Refusal
from domain.remedies import correct_input

TERMS = ("initial_term", "subsequent_term", "notice_period")
"""The terms that decide a line's end, as an import records them."""
TERM_DATES = ("term_until", "cancellation_possible_until")
_UNDONE = (*TERM_DATES, "end_date", *TERMS)


class LineUnknownOnDay(Refusal):
    """A day of receipt on which nobody can tell how a line was: what it was then is recorded nowhere."""

    code = "line_unknown_on_day"

    def __init__(self, line: str, received_on: date, because: str) -> None:
        super().__init__(
            f"How line {line} was on {day_text(received_on)} cannot be known: {because}.",
            remedy=correct_input(
                "State a later day of receipt, from which on it is recorded; goodwill can then end a customer's line earlier."
            ),
            line=line,
            received_on=received_on,
        )


@dataclass(frozen=True)
class RecordedChange:
    """A change of a line in the audit trail."""

    is_later: bool
    """True if it was recorded after the day of receipt."""
    is_roll: bool
    """True of a roll by an update of line dates; the day as of which it ran is not that of its record."""
    is_of_case: bool
    """True of what the very case did that is decided, or a line's cancellation that was undone."""
    is_import: bool
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def changes_terms(self) -> bool:
        """True if it changed more than an end date."""
        return any(self.before.get(name) != self.after.get(name) for name in (*TERM_DATES, *TERMS))

    @property
    def has_terms(self) -> bool:
        """True if the terms before it are recorded as well."""
        return all(name in self.before for name in TERMS)


def as_received(
    line: SubscriptionLine, changes: Iterable[RecordedChange], received_on: date, *, is_known: bool
) -> SubscriptionLine:
    """Return a line with the terms and dates that it had on the day of receipt.

    Everything recorded after that day is undone, and so is a roll as of a later day, whenever it was recorded: an update that
    ran ahead takes no deadline day away. A roll that was due on that day may stay, because the decision rolls an overdue line
    by the same function.

    Args:
        line: the line as it is now; a closed one is returned as it is.
        changes: its changes in the audit trail, newest first.
        received_on: the day of receipt.
        is_known: true if the line was recorded here on that day already.

    Raises:
        LineUnknownOnDay.

    """
    if line.closed:
        return line
    past, standing = line, set[str]()
    for change in changes:
        if change.is_later or change.is_of_case:
            if change.is_import and change.changes_terms and not change.has_terms:
                raise LineUnknownOnDay(
                    line.id, received_on, "an import changed it since, and its terms before that are not recorded"
                )
            past = _undone(past, change, standing)
        elif change.is_roll and _went_too_far(past, change, received_on):
            past = _undone(past, change, standing)
        elif change.changes_terms:
            break
        else:
            standing |= {
                name for name in _UNDONE if name in change.before and change.before[name] != change.after.get(name)
            }
    if not is_known and _may_have_rolled_since(past, received_on):
        raise LineUnknownOnDay(
            line.id, received_on, "it was imported later, with dates to which it may have been extended since"
        )
    return past


def with_end_set_since(
    past: SubscriptionLine, present: SubscriptionLine, received_on: date, wished_on: date | None
) -> SubscriptionLine:
    """Return the line as it was, with the end date that it got since if the decision would postpone that.

    Raises like `decide`.
    """
    set_since = present.end_date
    if set_since is None or present.closed or past.end_date == set_since:
        return past
    wish = wished_on if past.end_date is None else None
    if set_since < decide(past, received_on, wish).end_date:
        return past.model_copy(update={"end_date": set_since})
    return past


def _undone(line: SubscriptionLine, change: RecordedChange, standing: Collection[str] = ()) -> SubscriptionLine:
    return line.revised(
        **{name: change.before[name] for name in _UNDONE if name in change.before and name not in standing}
    )


def _went_too_far(line: SubscriptionLine, change: RecordedChange, received_on: date) -> bool:
    """Return true if an update as of the day of receipt would not have rolled as far as this one did."""
    before = _undone(line, change).model_copy(update={"frozen": False, "next_billing_date": None})
    rolled = update_as_of(before, received_on).line
    return rolled.term_until is None or rolled.term_until.isoformat() != change.after.get("term_until")


def _may_have_rolled_since(line: SubscriptionLine, received_on: date) -> bool:
    """Return true if the dates of a line may be those after a roll that was not due on a day: it had others then."""
    subsequent, term_until = line.subsequent_term, line.term_until
    if subsequent is None or term_until is None:
        return False
    created = first_calculation(line.model_copy(update={"end_date": None}))
    earlier = _term_before(term_until, subsequent)
    if term_until == created.term_until or earlier is None or earlier < plus_days(line.start_date, -1):
        return False
    if earlier < line.start_date:
        deadline = reference_date(line.model_copy(update={"term_until": None, "cancellation_possible_until": None}))
    else:
        deadline = deadline_for(earlier, line.notice_period)
    return received_on <= deadline


def _term_before(term_until: date, subsequent: DateFormula) -> date | None:
    """Return the last day from which a term extends to ``term_until``; None if it does from none."""

    def following(ordinal: int) -> int:
        try:
            return shifted(date.fromordinal(ordinal), subsequent).toordinal()
        except DateOutOfRange:
            return date.max.toordinal() + 1

    target = term_until.toordinal()
    earlier = bisect_right(
        range(1, target), target, key=following
    )  # the ordinals from 1 on, so that this is the last one
    return date.fromordinal(earlier) if earlier and following(earlier) == target else None

"""The line as it was on the day of receipt: what was recorded since is undone, and what cannot be known is refused."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.civil_dates import DateOutOfRange
from domain.lines.decision import decide
from domain.lines.line import SubscriptionLine
from domain.lines.past import LineUnknownOnDay, RecordedChange, as_received, with_end_set_since
from domain.lines.terms import first_calculation, update_as_of
from tests.domain.lines.date_strategies import a_line, days, lengths, modest, notices

YEARLY = {"initial_term": "1Y", "subsequent_term": "1Y", "notice_period": "3M"}
FIRST_TERM = first_calculation(a_line(**YEARLY))
SECOND_TERM = update_as_of(FIRST_TERM, date(2026, 11, 25)).line
RECEIVED = date(2026, 9, 28)
FIELDS = ("term_until", "cancellation_possible_until", "end_date", "initial_term", "subsequent_term", "notice_period")


def recorded(line: SubscriptionLine) -> dict[str, Any]:
    """A line as the audit trail keeps it."""
    return {name: str(value) if (value := getattr(line, name)) is not None else None for name in FIELDS}


def change(before: SubscriptionLine, after: SubscriptionLine, *, is_later: bool = True, **kind: bool) -> RecordedChange:
    marks = {"is_roll": False, "is_of_case": False, "is_import": False} | kind
    return RecordedChange(is_later=is_later, before=recorded(before), after=recorded(after), **marks)


def roll(before: SubscriptionLine, after: SubscriptionLine, *, is_later: bool = True) -> RecordedChange:
    return change(before, after, is_later=is_later, is_roll=True)


def end_on(
    line: SubscriptionLine, changes: Sequence[RecordedChange], received_on: date = RECEIVED, *, is_known: bool = True
) -> date:
    """The end of a line by its newest state and its changes, oldest first."""
    past = as_received(line, reversed(changes), received_on, is_known=is_known)
    return decide(past, received_on).end_date


@pytest.mark.parametrize("is_later", [True, False])
def test_a_roll_after_the_day_takes_no_deadline_away_whenever_it_was_recorded(is_later: bool) -> None:
    rolled = roll(FIRST_TERM, SECOND_TERM, is_later=is_later)
    assert end_on(SECOND_TERM, [rolled]) == date(2026, 12, 31)
    assert end_on(SECOND_TERM, [rolled], date(2026, 9, 30)) == date(2026, 12, 31)
    assert end_on(SECOND_TERM, [rolled], date(2026, 10, 1)) == date(2027, 12, 31)


def test_a_roll_that_caught_up_with_years_too_many_is_taken_back_although_a_part_of_it_was_due() -> None:
    third_term = update_as_of(FIRST_TERM, date(2027, 11, 25)).line
    assert third_term.term_until == date(2028, 12, 31)
    ahead = roll(FIRST_TERM, third_term, is_later=False)
    assert end_on(third_term, [ahead], date(2027, 9, 28)) == date(2027, 12, 31)
    assert end_on(third_term, [ahead], date(2027, 10, 1)) == date(2028, 12, 31)


def test_a_change_by_hand_before_the_day_stands_and_so_does_what_was_before_it() -> None:
    by_hand = FIRST_TERM.revised(term_until="2027-06-30", cancellation_possible_until="2027-03-31")
    before = [
        roll(FIRST_TERM, SECOND_TERM, is_later=False),
        change(SECOND_TERM, by_hand, is_later=False, is_import=True),
    ]
    assert end_on(by_hand, before) == date(2027, 6, 30)


def test_an_end_date_that_was_set_and_taken_back_hides_no_roll_ahead() -> None:
    ended = SECOND_TERM.revised(end_date="2027-12-31")
    trail = [
        roll(FIRST_TERM, SECOND_TERM, is_later=False),
        change(SECOND_TERM, ended, is_later=False),
        change(ended, SECOND_TERM, is_later=False),
    ]
    assert end_on(SECOND_TERM, trail) == date(2026, 12, 31)


def test_terms_and_dates_that_an_import_changed_since_are_those_of_that_day() -> None:
    monthly = FIRST_TERM.revised(subsequent_term="1M", notice_period="14D", cancellation_possible_until="2026-12-17")
    changed = change(FIRST_TERM, monthly, is_import=True)
    assert end_on(monthly, [changed], date(2026, 10, 5)) == date(2027, 12, 31)
    stands = change(FIRST_TERM, monthly, is_import=True, is_later=False)
    assert end_on(monthly, [stands], date(2026, 10, 5)) == date(2026, 12, 31)


def test_a_changed_date_without_the_terms_of_that_day_is_refused() -> None:
    changed = change(FIRST_TERM, SECOND_TERM, is_import=True)
    old_form = RecordedChange(
        is_later=True, is_roll=False, is_of_case=False, is_import=True,
        before={"term_until": "2026-12-31", "cancellation_possible_until": "2026-09-30", "end_date": None},
        after={"term_until": "2027-12-31", "cancellation_possible_until": "2027-09-30", "end_date": None},
    )  # fmt: skip
    assert end_on(SECOND_TERM, [changed]) == date(2026, 12, 31)
    with pytest.raises(LineUnknownOnDay) as refused:
        end_on(SECOND_TERM, [old_form])
    assert refused.value.values["line"] == "L1"
    assert "2026-09-28" in refused.value.message


def test_a_closed_line_is_as_it_is() -> None:
    closed = a_line(end_date="2026-10-31", closed=True)
    assert as_received(closed, [change(FIRST_TERM, closed)], RECEIVED, is_known=True) is closed


def test_an_end_date_that_was_set_since_stays_where_the_decision_would_postpone_it() -> None:
    sooner, later = FIRST_TERM.revised(end_date="2026-11-30"), FIRST_TERM.revised(end_date="2027-12-31")
    for present, end in ((sooner, date(2026, 11, 30)), (later, date(2026, 12, 31))):
        past = as_received(present, [change(FIRST_TERM, present)], RECEIVED, is_known=True)
        assert decide(with_end_set_since(past, present, RECEIVED, None), RECEIVED).end_date == end


@pytest.mark.parametrize(
    ("fields", "received_on", "knowable"),
    [
        # The first term that the start date gives: nothing was extended before.
        ({"term_until": "2026-12-31"}, date(2026, 9, 28), True),
        ({"term_until": "2026-12-31"}, date(2026, 10, 5), True),
        # The term before ended with 2026, and its deadline was 30.09.: it may have been extended since.
        ({"term_until": "2027-12-31"}, date(2026, 9, 28), False),
        ({"term_until": "2027-12-31"}, date(2026, 9, 30), False),
        ({"term_until": "2027-12-31"}, date(2026, 10, 1), True),
        # No term leads there, so none was extended to it.
        ({"term_until": "2027-12-30", "subsequent_term": "1M+CM"}, date(2026, 9, 28), True),
        ({"term_until": "2027-06-30", "subsequent_term": "CM+1D"}, date(2026, 9, 28), True),
        ({"term_until": "2027-12-31", "subsequent_term": None, "notice_period": None}, date(2026, 9, 28), True),
        (
            {"term_until": None, "initial_term": None, "subsequent_term": None, "notice_period": None},
            date(2026, 9, 28),
            True,
        ),
    ],
)
def test_dates_that_were_imported_later_count_unless_they_may_be_those_after_an_extension(
    fields: dict[str, Any], received_on: date, knowable: bool
) -> None:
    line = a_line(**YEARLY | fields)
    if knowable:
        assert as_received(line, [], received_on, is_known=False) == line
    else:
        with pytest.raises(LineUnknownOnDay):
            as_received(line, [], received_on, is_known=False)
    assert as_received(line, [], received_on, is_known=True) == line


@st.composite
def nights(draw: st.DrawFn) -> tuple[SubscriptionLine, date, list[RecordedChange], SubscriptionLine]:
    """A calculated line, a day of receipt, and updates as of later days, of which the first were recorded by that day."""
    line = a_line(
        start_date=draw(days),
        initial_term=draw(st.none() | lengths),
        subsequent_term=draw(st.none() | lengths),
        notice_period=draw(notices),
    )
    received_on = draw(days)
    try:
        line = update_as_of(first_calculation(line), received_on - timedelta(days=draw(st.integers(0, 800)))).line
        now, trail, as_of = line, [], received_on
        ahead = draw(st.integers(0, 2))
        for number in range(draw(st.integers(1, 5))):
            as_of += timedelta(days=draw(st.integers(1, 700)))
            before, now = now, update_as_of(now, as_of).line
            if now != before:
                trail.append(roll(before, now, is_later=number >= ahead))
    except DateOutOfRange:
        assume(False)
    return line, received_on, trail, now


@modest
@given(nights())
def test_the_quote_for_a_past_day_is_the_one_that_was_made_on_it(
    case: tuple[SubscriptionLine, date, list[RecordedChange], SubscriptionLine],
) -> None:
    then, received_on, trail, now = case
    try:
        made = decide(then, received_on)
    except DateOutOfRange:
        assume(False)
    past = as_received(now, reversed(trail), received_on, is_known=True)
    quoted = decide(past, received_on)
    assert (quoted.end_date, quoted.one_day_later) == (made.end_date, made.one_day_later)

"""Properties of every line on every day."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.lines.decision import LineDecision, decide
from domain.lines.line import SubscriptionLine
from domain.lines.terms import deadline_for, first_calculation, reference_date, shifted, update_as_of
from domain.refusals import Refusal
from tests.domain.lines.date_strategies import a_line, calculated_lines, days, lengths, lines, modest, notices

ONE_DAY = timedelta(days=1)


def one_term_at_a_time(line: SubscriptionLine, today: date) -> SubscriptionLine:
    """Section 5 as it is written, step by step: what the faster code must agree with."""
    while today > reference_date(line) and line.subsequent_term:
        term_until = shifted(line.term_until or line.start_date - ONE_DAY, line.subsequent_term)
        deadline = deadline_for(term_until, line.notice_period) if line.notice_period else None
        line = line.revised(term_until=term_until, cancellation_possible_until=deadline)
    return line


@modest
@given(lines(), days)
def test_rolling_is_the_rule_step_by_step(line: SubscriptionLine, today: date) -> None:
    updated = update_as_of(line, today)
    if updated.action == "rolled":
        assert updated.line == one_term_at_a_time(line, today)
    elif not line.frozen and not updated.line.closed:
        assert one_term_at_a_time(line, today) == line


@modest
@given(lines(), days)
def test_running_the_update_twice_changes_nothing(line: SubscriptionLine, today: date) -> None:
    once = update_as_of(line, today).line
    assert update_as_of(once, today) == update_as_of(once, today).model_copy(
        update={"line": once, "action": "unchanged"}
    )


@modest
@given(lines(), days)
def test_after_the_update_no_open_line_that_can_be_rolled_is_past_its_deadline(
    line: SubscriptionLine, today: date
) -> None:
    updated = update_as_of(line, today).line
    if updated.subsequent_term and not updated.frozen and not updated.closed:
        assert reference_date(updated) >= today


@modest
@given(lines(), days, st.integers(0, 900))
def test_a_later_update_never_leads_to_earlier_dates(line: SubscriptionLine, today: date, later: int) -> None:
    early, late = update_as_of(line, today).line, update_as_of(line, today + timedelta(days=later)).line
    assume(not late.closed)
    assert (late.term_until or date.min) >= (early.term_until or date.min)
    if (
        early.term_until != line.term_until
    ):  # a deadline entered by hand may be anywhere; a calculated one follows the term
        assert (late.cancellation_possible_until or date.min) >= (early.cancellation_possible_until or date.min)


@modest
@given(lines(), days)
def test_a_missed_month_equals_thirty_single_nights(line: SubscriptionLine, first_night: date) -> None:
    night_by_night = line
    for night in range(30):
        night_by_night = update_as_of(night_by_night, first_night + timedelta(days=night)).line
    assert night_by_night == update_as_of(line, first_night + timedelta(days=29)).line


@modest
@given(days, lengths, notices)
def test_a_deadline_is_never_after_its_term(term_until: date, length: str, notice: str | None) -> None:
    line = a_line(start_date=term_until, term_until=term_until, subsequent_term=length, notice_period=notice)
    if line.notice_period is not None:
        assert deadline_for(term_until, line.notice_period) <= term_until


def answer(line: SubscriptionLine, received_on: date, wished_on: date | None, *, goodwill: bool) -> object:
    try:
        decision = decide(line, received_on, wished_on, goodwill=goodwill)
    except Refusal as refusal:
        return refusal.code
    return decision.end_date, decision.billed_beyond_end, decision.one_day_later


wishes = st.none() | days


@modest
@given(lines(), days, wishes, st.booleans())
def test_an_overdue_line_is_decided_like_one_that_is_up_to_date(
    line: SubscriptionLine, received_on: date, wished_on: date | None, goodwill: bool
) -> None:
    up_to_date = update_as_of(line, received_on).line
    assert answer(line, received_on, wished_on, goodwill=goodwill) == answer(
        up_to_date, received_on, wished_on, goodwill=goodwill
    )


@modest
@given(lines(), days, wishes, st.booleans())
def test_no_line_ends_before_the_day_before_it_starts(
    line: SubscriptionLine, received_on: date, wished_on: date | None, goodwill: bool
) -> None:
    try:
        decision = decide(line, received_on, wished_on, goodwill=goodwill)
    except Refusal:
        return
    assert decision.end_date >= line.start_date - ONE_DAY


@modest
@given(calculated_lines, days, wishes)
def test_receipt_a_day_later_never_ends_a_calculated_line_earlier(
    line: SubscriptionLine, received_on: date, wished_on: date | None
) -> None:
    assume(line.end_date is None)
    decision = decide(line, received_on, wished_on)
    assert decision.one_day_later is not None
    assert decision.one_day_later >= decision.end_date
    assert decision.one_day_later == decide(line, received_on + ONE_DAY, wished_on).end_date


def _days_in(text: str) -> list[date]:
    return [date.fromisoformat(day) for day in re.findall(r"\d{4}-\d\d-\d\d", text)]


def _check_arithmetic(line: SubscriptionLine, decision: LineDecision) -> None:
    term = line.term_until
    steps = [step.text for step in decision.explanation]
    for step in steps:
        if found := re.search(r"missed by (\d+) days?", step):
            assert _days_in(step)[0] + timedelta(days=int(found[1])) == decision.received_on
        if found := re.search(r"extends(?: (\d+) (?:more )?times?)? by", step):
            assert line.subsequent_term is not None
            for _ in range(int(found[1] or 1)):
                term = shifted(term or line.start_date - ONE_DAY, line.subsequent_term)
            assert _days_in(step)[-1] == term
        if step.startswith("no term yet"):
            assert line.subsequent_term is not None
            term = _days_in(step)[-1]
            assert term == shifted(line.start_date - ONE_DAY, line.subsequent_term)
    said = [step for step in steps if step.startswith("the line ends on")]
    before = steps[: steps.index(said[0])]
    assert _days_in(said[0]) == [decision.end_date]
    assert _days_in(before[-1])[-1] == decision.end_date, "the last step leads to the result"


@modest
@given(lines(), days, wishes, st.booleans())
def test_the_arithmetic_of_the_explanation_gives_the_result(
    line: SubscriptionLine, received_on: date, wished_on: date | None, goodwill: bool
) -> None:
    try:
        decision = decide(line, received_on, wished_on, goodwill=goodwill)
    except Refusal:
        return
    _check_arithmetic(line, decision)


@settings(modest, max_examples=30)
@given(st.dates(), st.dates(), lengths, notices, st.none() | lengths)
def test_no_calculation_leaves_the_calendar_without_a_refusal(
    start: date, other: date, length: str, notice: str | None, initial: str | None
) -> None:
    line = a_line(start_date=start, subsequent_term=length, notice_period=notice, initial_term=initial)
    # from the edges of the calendar, where centuries of days would otherwise be walked
    near_an_edge = min(other, start + timedelta(days=4000)) if start < date(9900, 1, 1) else other
    for calculation in (
        lambda: first_calculation(line),
        lambda: update_as_of(line, near_an_edge),
        lambda: decide(line, near_an_edge),
        lambda: decide(line, near_an_edge, date.max),
    ):
        try:
            calculation()
        except Refusal as refusal:
            if refusal.code != "date_out_of_range":
                pytest.fail(f"refused for another reason: {refusal}")

from collections.abc import Callable
from datetime import date

import pytest

from domain.civil_dates import DateOutOfRange
from domain.lines.date_formula import DateFormula
from domain.lines.line import FormulaNegative, InitialTermTooShort, SubscriptionLine, SubsequentTermStandsStill
from domain.lines.refusals import LineClosed, SubsequentTermNeeded
from domain.lines.terms import (
    first_calculation,
    provision_end_date,
    shifted,
    update_as_of,
    with_cancellation_possible_until,
    with_notice_period,
    with_subsequent_term,
    with_term_until,
)
from tests.domain.lines.date_strategies import a_line

Dates = tuple[str | None, str | None, str | None]


def day(text: str) -> date:
    return date.fromisoformat(text)


def dates_of(line: SubscriptionLine) -> Dates:
    """Term until, cancellation possible until, end date."""
    written = line.model_dump(mode="json")
    return written["term_until"], written["cancellation_possible_until"], written["end_date"]


def a_yearly_line(**fields: object) -> SubscriptionLine:
    """The example of the rules: a year at a time, three months' notice, next billed on 2027-01-01."""
    standard = {"initial_term": "1Y", "subsequent_term": "1Y", "notice_period": "3M", "next_billing_date": "2027-01-01"}
    return first_calculation(a_line(**standard | fields))


# Section 3: the month-end rule


@pytest.mark.parametrize(
    ("source", "formula", "result"),
    [
        ("2026-12-31", "-3M", "2026-09-30"),
        ("2027-02-28", "-1M", "2027-01-31"),
        ("2026-09-30", "3M", "2026-12-31"),
        ("2028-02-28", "-1M", "2028-01-28"),
        ("2028-02-29", "1Y", "2029-02-28"),
        ("2027-02-28", "1Y", "2028-02-29"),
        ("2026-12-30", "-3M", "2026-09-30"),
        ("2026-12-31", "-14D", "2026-12-17"),
        ("2026-12-31", "-2W", "2026-12-17"),
        ("2026-02-28", "1M+1D", "2026-03-29"),
        ("2026-12-31", "-3M-CM", "2026-09-30"),
    ],
)
def test_a_month_end_stays_a_month_end_under_months_quarters_and_years(source: str, formula: str, result: str) -> None:
    assert shifted(day(source), DateFormula.parse(formula)) == day(result)


def test_the_rule_does_not_round_trip_so_each_edit_recalculates_once() -> None:
    line = with_term_until(a_yearly_line(), day("2026-12-30"))
    assert dates_of(line) == ("2026-12-30", "2026-09-30", None)
    line = with_cancellation_possible_until(line, day("2026-09-30"))
    assert dates_of(line) == ("2026-12-31", "2026-09-30", None)


# Section 4: first calculation and edits


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({}, (None, None, None)),
        ({"initial_term": "1Y"}, ("2026-12-31", None, "2026-12-31")),
        ({"initial_term": "1Y", "notice_period": "3M"}, ("2026-12-31", "2026-09-30", "2026-12-31")),
        ({"initial_term": "1Y", "subsequent_term": "1Y", "notice_period": "3M"}, ("2026-12-31", "2026-09-30", None)),
        ({"initial_term": "1Y", "subsequent_term": "1Y"}, ("2026-12-31", None, None)),
        ({"subsequent_term": "1Y", "notice_period": "3M"}, ("2026-03-31", "2025-12-31", None)),
        ({"subsequent_term": "1Y"}, (None, None, None)),
        ({"notice_period": "3M"}, (None, None, None)),
        ({"notice_period": "3M", "end_date": "2026-06-30"}, ("2026-06-30", "2026-03-31", "2026-06-30")),
        (
            {"initial_term": "2Y", "subsequent_term": "1Y", "notice_period": "1M", "end_date": "2026-06-30"},
            ("2026-06-30", "2026-05-31", "2026-06-30"),
        ),
        ({"term_until": "2030-01-01", "cancellation_possible_until": "2029-01-01"}, (None, None, None)),
    ],
)
def test_the_first_calculation(terms: dict[str, object], expected: Dates) -> None:
    assert dates_of(first_calculation(a_line(**terms))) == expected


def test_the_first_term_is_plain_arithmetic_from_the_start_date() -> None:
    assert dates_of(first_calculation(a_line(start_date="2026-04-30", initial_term="1M")))[0] == "2026-05-29"


@pytest.mark.parametrize("subsequent_term", [None, "1Y"])
@pytest.mark.parametrize(("initial_term", "start_date"), [("0D", "2026-01-01"), ("CM", "2026-01-31")])
def test_an_initial_term_that_would_end_before_the_line_starts_is_refused(
    initial_term: str, start_date: str, subsequent_term: str | None
) -> None:
    with pytest.raises(InitialTermTooShort):
        first_calculation(a_line(start_date=start_date, initial_term=initial_term, subsequent_term=subsequent_term))


def test_without_a_notice_period_the_two_dates_are_edited_independently() -> None:
    line = a_line(term_until="2026-12-31", cancellation_possible_until="2026-11-30")
    assert dates_of(with_term_until(line, day("2027-12-31")))[:2] == ("2027-12-31", "2026-11-30")
    assert dates_of(with_cancellation_possible_until(line, day("2026-10-31")))[:2] == ("2026-12-31", "2026-10-31")


def test_clearing_one_date_clears_the_one_that_follows_from_it() -> None:
    assert dates_of(with_term_until(a_yearly_line(), None)) == (None, None, None)
    assert dates_of(with_cancellation_possible_until(a_yearly_line(), None)) == (None, None, None)


def test_another_notice_period_moves_the_deadline_and_not_the_term() -> None:
    assert dates_of(with_notice_period(a_yearly_line(), DateFormula.parse("1M"))) == ("2026-12-31", "2026-11-30", None)
    assert dates_of(with_notice_period(a_yearly_line(), None)) == ("2026-12-31", None, None)
    without_term = a_line(cancellation_possible_until="2026-09-30")
    assert dates_of(with_notice_period(without_term, DateFormula.parse("1M"))) == (None, "2026-09-30", None)


def test_edits_are_validated_like_the_line_itself() -> None:
    with pytest.raises(FormulaNegative):
        with_notice_period(a_yearly_line(), DateFormula.parse("-1M"))
    with pytest.raises(SubsequentTermStandsStill):
        with_subsequent_term(a_yearly_line(), DateFormula.parse("CM"))


def test_the_subsequent_term_cannot_be_cleared_while_a_notice_period_is_set() -> None:
    with pytest.raises(SubsequentTermNeeded) as refused:
        with_subsequent_term(a_yearly_line(), None)
    assert "notice period first" in refused.value.way_out
    assert with_subsequent_term(a_yearly_line(notice_period=None), None).subsequent_term is None


# Section 5: the nightly update


def test_a_line_is_rolled_on_the_day_after_its_deadline_and_not_before() -> None:
    line = a_yearly_line()
    assert update_as_of(line, day("2026-09-30")).action == "unchanged"
    rolled = update_as_of(line, day("2026-10-01"))
    assert rolled.action == "rolled"
    assert dates_of(rolled.line) == ("2027-12-31", "2027-09-30", None)


def test_a_line_without_subsequent_term_is_not_rolled() -> None:
    line = a_yearly_line(subsequent_term=None).revised(end_date=None)
    assert update_as_of(line, day("2040-01-01")).action == "unchanged"


def test_a_line_without_notice_period_is_rolled_when_its_term_is_over() -> None:
    line = a_line(subsequent_term="1Y", term_until="2026-12-31")
    assert dates_of(update_as_of(line, day("2026-12-31")).line)[:2] == ("2026-12-31", None)
    assert dates_of(update_as_of(line, day("2027-01-01")).line)[:2] == ("2027-12-31", None)
    assert dates_of(update_as_of(line, day("2028-06-01")).line)[:2] == ("2028-12-31", None)


def test_a_line_without_dates_is_rolled_from_the_day_before_its_start() -> None:
    line = a_line(subsequent_term="1M", notice_period="14D")
    assert update_as_of(line, day("2026-01-01")).action == "unchanged"
    assert dates_of(update_as_of(line, day("2026-01-02")).line)[:2] == ("2026-01-31", "2026-01-17")


def test_a_line_past_its_end_and_fully_invoiced_is_closed() -> None:
    line = a_yearly_line(end_date="2026-12-31")
    assert update_as_of(line, day("2026-12-31")).action != "closed"
    closed = update_as_of(line, day("2027-01-01"))
    assert closed.action == "closed"
    assert closed.line.closed
    assert dates_of(closed.line) == (None, None, "2026-12-31")
    assert update_as_of(closed.line, day("2027-01-02")).action == "unchanged"


@pytest.mark.parametrize(
    "reason",
    [
        {"next_billing_date": None},
        {"next_billing_date": "2026-12-01"},
        {"next_billing_date": "2027-02-01"},
        {"open_billing_line": True},
    ],
)
def test_a_line_that_is_not_exactly_invoiced_stays_open(reason: dict[str, object]) -> None:
    line = a_yearly_line(end_date="2026-12-31").revised(**reason)
    assert update_as_of(line, day("2027-01-01")).action != "closed"


def test_a_frozen_line_is_closed_when_due_but_never_rolled() -> None:
    frozen = a_yearly_line(frozen=True)
    assert update_as_of(frozen, day("2040-01-01")).action == "unchanged"
    assert update_as_of(frozen.revised(end_date=day("2026-12-31")), day("2027-01-01")).action == "closed"


def test_a_line_with_an_end_date_that_no_cancellation_set_is_rolled_until_it_is_closed() -> None:
    line = a_yearly_line().revised(end_date=day("2027-06-30"))
    assert dates_of(update_as_of(line, day("2026-10-01")).line) == ("2027-12-31", "2027-09-30", "2027-06-30")


@pytest.mark.parametrize("subsequent", ["1D", "1D+0M", "1W", "1M"])
def test_two_thousand_years_are_caught_up_in_one_run(subsequent: str) -> None:
    line = a_line(start_date="0001-01-01", subsequent_term=subsequent, notice_period="0D", term_until="0001-01-31")
    rolled = update_as_of(line, day("2026-11-22")).line
    assert rolled.term_until is not None
    assert 0 <= (rolled.term_until - day("2026-11-22")).days <= 31


def test_a_line_whose_deadline_never_comes_is_refused_at_the_end_of_the_calendar() -> None:
    with pytest.raises(DateOutOfRange):
        update_as_of(a_line(start_date="9990-01-01", subsequent_term="1Y", notice_period="20Y"), day("9995-01-01"))


def test_the_provision_ends_with_the_last_line_once_all_are_closed() -> None:
    one = a_line(closed=True, end_date="2026-06-30")
    other = a_line(closed=True, end_date="2026-12-31")
    assert provision_end_date([one, other]) == day("2026-12-31")
    assert provision_end_date([one, a_line()]) is None
    assert provision_end_date([]) is None


# Section 6: setting an end date


@pytest.mark.parametrize(
    "edit",
    [
        lambda line: with_term_until(line, day("2027-12-31")),
        lambda line: with_cancellation_possible_until(line, day("2027-12-31")),
        lambda line: with_notice_period(line, None),
        lambda line: with_subsequent_term(line, None),
    ],
)
def test_a_closed_line_takes_no_edit(edit: Callable[[SubscriptionLine], SubscriptionLine]) -> None:
    with pytest.raises(LineClosed):
        edit(a_yearly_line(closed=True, end_date="2026-12-31"))

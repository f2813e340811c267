"""Setting an end date, and what stands against it (rules, section 6)."""

import pytest

from domain.lines.line import SubscriptionLine
from domain.lines.refusals import BilledBeyondEnd, LineClosed, PlannedLineExists
from domain.lines.terms import check_end_date, with_end_date
from domain.refusals import Refusal
from tests.domain.lines.test_terms import a_yearly_line, dates_of, day


def test_the_day_before_the_start_is_an_end_date_and_the_line_never_starts() -> None:
    line = a_yearly_line(next_billing_date="2026-01-01")
    assert with_end_date(line, day("2025-12-31"), day("2025-11-01")).end_date == day("2025-12-31")


def test_an_end_date_on_the_last_billed_day_is_allowed() -> None:
    ended = with_end_date(a_yearly_line(), day("2026-12-31"), day("2026-10-04"))
    assert dates_of(ended) == ("2026-12-31", "2026-09-30", "2026-12-31")


@pytest.mark.parametrize(
    ("line", "end", "planned", "code"),
    [
        (a_yearly_line(), "2025-12-30", False, "end_before_start"),
        (a_yearly_line(), "2026-12-30", False, "billed_beyond_end"),
        (a_yearly_line(), "2027-12-31", True, "planned_line_exists"),
        (a_yearly_line(closed=True), "2027-12-31", False, "line_closed"),
    ],
)
def test_an_end_date_against_the_rules_is_refused_with_the_way_out(
    line: SubscriptionLine, end: str, planned: bool, code: str
) -> None:
    for attempt in (
        lambda: check_end_date(line, day(end), has_planned_line=planned),
        lambda: with_end_date(line, day(end), day("2026-10-04"), has_planned_line=planned),
    ):
        with pytest.raises(Refusal) as refused:
            attempt()
        assert refused.value.code == code
        assert refused.value.way_out


def test_the_way_out_of_a_billed_period_is_a_credit_memo_for_the_newest_invoice() -> None:
    with pytest.raises(BilledBeyondEnd) as refused:
        check_end_date(a_yearly_line(), day("2026-10-31"), has_planned_line=False)
    assert "billed until 2026-12-31 (next billing date 2027-01-01)" in refused.value.message
    assert "credit memo for the newest invoice first" in refused.value.way_out
    assert refused.value.values["next_billing_date"] == "2027-01-01"


def test_an_end_date_in_the_past_clears_both_dates_and_one_of_today_does_not() -> None:
    line = a_yearly_line(next_billing_date=None)
    assert dates_of(with_end_date(line, day("2026-10-03"), day("2026-10-04"))) == (None, None, "2026-10-03")
    assert dates_of(with_end_date(line, day("2026-10-04"), day("2026-10-04")))[0] == "2026-12-31"


def test_an_end_date_can_be_taken_back_from_an_open_line_only() -> None:
    ended = with_end_date(a_yearly_line(), day("2026-12-31"), day("2026-10-04"))
    assert with_end_date(ended, None, day("2026-10-05")) == a_yearly_line()
    with pytest.raises(LineClosed):
        with_end_date(ended.revised(closed=True), None, day("2027-01-05"))


def test_a_planned_line_is_named_before_the_credit_memos_that_would_take_longer() -> None:
    with pytest.raises(PlannedLineExists):
        check_end_date(a_yearly_line(), day("2026-10-31"), has_planned_line=True)

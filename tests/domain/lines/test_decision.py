from datetime import date

import pytest

from domain.lines.decision import LineDecision, decide
from domain.lines.refusals import GoodwillWishBeforeReceipt, LineClosed, WishAfterEndDate
from domain.refusals import Refusal
from tests.domain.lines.date_strategies import a_line
from tests.domain.lines.test_terms import a_yearly_line, day


def decided(
    line_fields: dict[str, object], received: str, wished: str | None = None, *, goodwill: bool = False
) -> LineDecision:
    return decide(a_line(**line_fields), day(received), None if wished is None else day(wished), goodwill=goodwill)


YEARLY: dict[str, object] = {
    "subsequent_term": "1Y",
    "notice_period": "3M",
    "term_until": "2026-12-31",
    "cancellation_possible_until": "2026-09-30",
}
NOT_EXTENDED: dict[str, object] = YEARLY | {"subsequent_term": None}
NO_NOTICE: dict[str, object] = {"subsequent_term": "1Y", "term_until": "2026-12-31"}
ENDING: dict[str, object] = YEARLY | {"end_date": "2026-12-31"}


@pytest.mark.parametrize(
    ("line", "received", "wished", "goodwill", "rule", "end", "in_due_time"),
    [
        # the deadline day counts
        (YEARLY, "2026-09-30", None, False, 4, "2026-12-31", True),
        (YEARLY, "2026-10-01", None, False, 5, "2027-12-31", False),
        (YEARLY, "2027-09-30", None, False, 5, "2027-12-31", False),
        (YEARLY, "2027-10-01", None, False, 5, "2028-12-31", False),
        (YEARLY, "2029-01-15", None, False, 5, "2029-12-31", False),
        # a wish after the regular end: the first term end on or after it
        (YEARLY, "2026-09-30", "2026-12-31", False, 4, "2026-12-31", True),
        (YEARLY, "2026-09-30", "2027-01-01", False, 4, "2027-12-31", True),
        (YEARLY, "2026-10-04", "2030-06-15", False, 5, "2030-12-31", False),
        # a wish before it changes nothing about billing
        (YEARLY, "2026-09-30", "2026-10-15", False, 4, "2026-12-31", True),
        # goodwill ignores the deadline
        (YEARLY, "2026-10-04", None, True, 1, "2026-10-04", False),
        (YEARLY, "2026-10-04", "2026-10-31", True, 1, "2026-10-31", False),
        (ENDING, "2026-10-04", "2026-10-31", True, 1, "2026-10-31", False),
        (ENDING, "2026-10-04", "2027-01-01", True, 1, "2026-12-31", False),
        (ENDING, "2026-10-04", "2027-10-31", True, 1, "2026-12-31", False),
        # an end date already set stays
        (ENDING, "2026-10-04", None, False, 2, "2026-12-31", True),
        (ENDING, "2026-10-04", "2026-11-01", False, 2, "2026-12-31", True),
        (ENDING, "2027-10-04", None, False, 2, "2026-12-31", True),
        # nothing agreed: at any time
        ({}, "2026-05-04", None, False, 3, "2026-05-04", True),
        ({}, "2026-05-04", "2026-06-30", False, 3, "2026-06-30", True),
        ({"notice_period": "3M"}, "2026-11-30", None, False, 3, "2027-02-28", True),
        ({"notice_period": "1M"}, "2026-02-28", None, False, 3, "2026-03-28", True),
        ({"notice_period": "1M"}, "2026-02-28", "2026-03-01", False, 3, "2026-03-28", True),
        # nothing to extend by
        (NOT_EXTENDED, "2026-09-30", None, False, 4, "2026-12-31", True),
        (NOT_EXTENDED, "2026-10-04", None, False, 6, "2027-01-04", False),
        (NOT_EXTENDED, "2026-10-04", "2027-03-31", False, 6, "2027-03-31", False),
        (NOT_EXTENDED, "2026-09-30", "2027-03-31", False, 4, "2027-03-31", True),
        (NO_NOTICE, "2026-12-31", None, False, 4, "2026-12-31", True),
        # without a notice period, the end of the term is the deadline
        (NO_NOTICE, "2027-01-01", None, False, 5, "2027-12-31", False),
        (NO_NOTICE, "2026-12-31", "2027-01-01", False, 4, "2027-12-31", True),
        (NO_NOTICE | {"cancellation_possible_until": "2026-06-30"}, "2026-12-31", None, False, 4, "2026-12-31", True),
        ({"subsequent_term": "1Y"}, "2026-05-04", None, False, 5, "2026-12-31", True),
        ({"subsequent_term": "1Y"}, "2027-01-01", None, False, 5, "2027-12-31", True),
        # a deadline that was never calculated: the term itself, as for the nightly update
        (YEARLY | {"cancellation_possible_until": None}, "2026-12-31", None, False, 4, "2026-12-31", True),
        (YEARLY | {"cancellation_possible_until": None}, "2027-01-01", None, False, 5, "2027-12-31", False),
        # no dates at all: the first term from the start date
        ({"subsequent_term": "1Y", "notice_period": "3M"}, "2025-12-01", None, False, 5, "2026-12-31", True),
        # before the start: what can be ended at any time never starts, a fixed term is owed as agreed
        ({}, "2025-11-01", None, False, 3, "2025-12-31", True),
        ({"notice_period": "1M"}, "2025-11-01", None, False, 3, "2025-12-31", True),
        ({"notice_period": "1M"}, "2025-12-15", None, False, 3, "2026-01-15", True),
        ({}, "2025-11-01", "2026-01-01", False, 3, "2026-01-01", True),
        ({}, "2025-11-01", "2025-12-01", True, 1, "2025-12-31", True),
        (YEARLY, "2025-11-01", None, False, 4, "2026-12-31", True),
        (ENDING | {"end_date": "2025-12-31"}, "2025-11-01", None, False, 2, "2025-12-31", True),
        # goodwill does not bind a vendor
        (YEARLY | {"partner": "vendor"}, "2026-10-04", None, True, 5, "2027-12-31", False),
        (YEARLY | {"partner": "vendor"}, "2026-10-04", "2026-10-03", True, 5, "2027-12-31", False),
        (ENDING | {"partner": "vendor"}, "2026-10-04", "2026-10-31", True, 2, "2026-12-31", True),
    ],
)
def test_the_end_of_a_line(
    line: dict[str, object], received: str, wished: str | None, goodwill: bool, rule: int, end: str, in_due_time: bool
) -> None:
    decision = decided(line, received, wished, goodwill=goodwill)
    assert (decision.rule, decision.end_date, decision.in_due_time) == (rule, day(end), in_due_time)
    assert decision.wished_on == day(wished or received)


def test_the_explanation_says_by_how_much_the_deadline_was_missed_and_what_follows() -> None:
    decision = decide(a_yearly_line(), day("2026-10-04"))
    assert [step.text for step in decision.explanation] == [
        "deadline 2026-09-30 missed by 4 days; extends by 1Y to 2027-12-31",
        "deadline 2027-09-30 met; term until 2027-12-31",
        "the line ends on 2027-12-31",
    ]


def test_a_wish_before_the_regular_end_is_answered_with_the_day_until_which_is_billed() -> None:
    decision = decide(a_yearly_line(), day("2026-09-30"), day("2026-10-15"))
    assert [step.text for step in decision.explanation] == [
        "deadline 2026-09-30 met on its last day; term until 2026-12-31",
        "wished day 2026-10-15 is before the regular end; billed until 2026-12-31",
        "the line ends on 2026-12-31",
    ]


def test_many_missed_terms_are_counted_and_not_listed() -> None:
    line = a_line(start_date="1990-01-01", subsequent_term="1D", notice_period="3M", term_until="1990-12-31")
    decision = decide(line, day("2026-10-04"))
    assert decision.end_date == day("2027-01-04")
    assert len(decision.explanation) < 8
    assert any("more times by 1D to 2027-01-04" in step.text for step in decision.explanation)


def test_receipt_one_day_later_is_answered_too() -> None:
    decision = decide(a_yearly_line(), day("2026-09-30"))
    assert decision.one_day_later == day("2027-12-31")
    assert decision.one_day_later_explanation is not None
    assert decision.one_day_later_explanation.text == (
        "received on 2026-10-01, one day later, the line would end on 2027-12-31 instead of 2026-12-31"
    )
    assert decide(a_yearly_line(), day("2026-09-29")).one_day_later == day("2026-12-31")


def test_receipt_one_day_later_may_be_too_late_for_a_goodwill() -> None:
    decision = decide(a_yearly_line(), day("2026-10-04"), day("2026-10-04"), goodwill=True)
    assert decision.one_day_later is None
    assert decision.one_day_later_explanation is not None
    assert "refused" in decision.one_day_later_explanation.text


def test_the_last_day_of_the_calendar_has_no_day_later() -> None:
    assert decide(a_line(), date.max).one_day_later is None


@pytest.mark.parametrize(
    ("next_billing", "beyond"), [(None, False), ("2026-12-31", False), ("2027-01-01", False), ("2027-01-02", True)]
)
def test_a_line_billed_beyond_its_end_is_marked_so_that_credit_memos_come_first(
    next_billing: str | None, beyond: bool
) -> None:
    decision = decide(a_yearly_line(next_billing_date=next_billing), day("2026-09-30"))
    assert decision.billed_beyond_end is beyond
    assert any("credit memos" in step.text for step in decision.explanation) is beyond


def test_a_goodwill_before_the_day_of_receipt_is_refused() -> None:
    with pytest.raises(GoodwillWishBeforeReceipt):
        decide(a_yearly_line(), day("2026-10-04"), day("2026-10-03"), goodwill=True)


def test_a_wish_after_the_end_date_is_refused_with_the_advice_to_extend_the_line() -> None:
    with pytest.raises(WishAfterEndDate) as refused:
        decided(ENDING, "2026-10-04", "2027-01-01")
    assert "Extend the line" in refused.value.way_out


def test_a_closed_line_keeps_its_end_date_even_as_a_goodwill() -> None:
    closed = ENDING | {"closed": True}
    assert decided(closed, "2026-10-04", goodwill=True).end_date == day("2026-12-31")
    with pytest.raises(LineClosed):
        decided({"closed": True}, "2026-10-04")


def test_an_end_outside_the_calendar_is_refused_by_name() -> None:
    with pytest.raises(Refusal) as refused:
        decided(YEARLY, "9999-11-01")
    assert refused.value.code == "date_out_of_range"

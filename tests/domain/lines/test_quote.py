"""Quotes: the end of access in each of its ways, alternatives, and the changes between two of them."""

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.lines.line import SubscriptionLine
from domain.lines.quote import Quote, changes, quote
from domain.vocabulary import Termination
from tests.domain.lines.date_strategies import calculated_lines, days, modest

RECEIVED_ON = date(2026, 11, 1)


def line(name: str, partner: str = "customer", **fields: Any) -> SubscriptionLine:
    """A line that can be ended at any time."""
    given = {"id": name, "partner": partner, "start_date": "2026-01-01", "billing_rhythm": "1M", **fields}
    return SubscriptionLine.read(given)


def quoted(*lines: SubscriptionLine) -> Quote:
    return quote("SUB-1", lines, [], received_on=RECEIVED_ON)


def test_a_promise_that_stands_has_nothing_to_tell() -> None:
    assert changes(quoted(line("C"), line("V", "vendor")), quoted(line("C"), line("V", "vendor"))) == []


def test_every_line_that_is_new_closed_or_ends_on_another_day_is_told() -> None:
    before = quoted(line("C"), line("GONE"), line("SAME"))
    after = quoted(line("C", notice_period="1M"), line("SAME"), line("NEW"))
    assert [change.text for change in changes(before, after)] == [
        "Billing of line C ends on 2026-12-01, not on 2026-11-01.",
        "Line NEW is new; its billing ends on 2026-11-01.",
        "Line GONE has since been closed.",
    ]


def test_of_what_changed_for_vendors_the_customer_reads_nothing() -> None:
    before = quoted(line("C"), line("V", "vendor"), line("V-GONE", "vendor"))
    after = quoted(line("C", notice_period="1M"), line("V", "vendor", notice_period="1M"), line("V-NEW", "vendor"))
    assert len(changes(before, after)) == 4
    assert [change.text for change in changes(before.for_customer(), after.for_customer())] == [
        "Billing of line C ends on 2026-12-01, not on 2026-11-01."
    ]


def yearly(name: str, **fields: Any) -> SubscriptionLine:
    """A line of 2026 that extends year by year, with a notice period of three months."""
    given = {"subsequent_term": "1Y", "notice_period": "3M", "term_until": "2026-12-31",
             "cancellation_possible_until": "2026-09-30", **fields}  # fmt: skip
    return line(name, **given)


def wished(
    *lines: SubscriptionLine, received_on: str = "2026-09-01", wished_on: str | None = None, **given: Any
) -> Quote:
    wish = None if wished_on is None else date.fromisoformat(wished_on)
    return quote("SUB-1", lines, [], received_on=date.fromisoformat(received_on), wished_on=wish, **given)


def ends(found: Quote) -> list[str]:
    return [line.decision.end_date.isoformat() for line in found.lines]


def test_access_at_once_leaves_billing_as_the_day_of_receipt_decides_it() -> None:
    found = wished(yearly("C"), line("ANY"), wished_on="2027-06-01", termination=Termination.NOW)
    assert (found.access_ends_on, ends(found)) == (date(2026, 9, 1), ["2026-12-31", "2026-09-01"])


def test_access_until_the_end_of_the_term_ends_with_the_last_line_of_the_customer_and_extends_none() -> None:
    lines = (
        yearly("C"),
        yearly("L", term_until="2027-01-31", cancellation_possible_until="2026-10-31"),
        line("V", "vendor", notice_period="1Y"),
    )
    found = wished(*lines, termination=Termination.END_OF_TERM)
    assert found.access_ends_on == date(2027, 1, 31)
    assert ends(found) == ["2026-12-31", "2027-01-31", "2027-09-01"]


def test_access_until_the_end_of_the_term_ends_on_the_day_of_receipt_where_no_line_is_open() -> None:
    assert wished(termination=Termination.END_OF_TERM).access_ends_on == date(2026, 9, 1)


def test_goodwill_is_for_the_lines_of_the_customer_alone() -> None:
    found = wished(yearly("C"), yearly("V", partner="vendor"), received_on="2026-10-04", goodwill=True)
    assert ends(found) == ["2026-10-04", "2027-12-31"]


def test_a_day_that_costs_a_term_is_named_with_the_one_that_saves_it() -> None:
    found = wished(yearly("C"), wished_on="2027-01-31")
    assert ends(found) == ["2027-12-31"]
    (saves,) = found.alternatives
    assert (saves.terminate_on, saves.access_ends_on) == (date(2026, 12, 31), date(2026, 12, 31))
    assert saves.statement.text == (
        "with 2026-12-31 instead of 2027-01-31, billing of line C ends on 2026-12-31, 12 months earlier"
    )


def test_the_term_before_a_wish_saves_where_earlier_ones_would_save_no_more_than_access() -> None:
    (saves,) = wished(yearly("C"), wished_on="2029-03-15").alternatives
    assert (saves.terminate_on, saves.statement.values["difference"]) == (date(2028, 12, 31), "12M")
    (saves,) = wished(yearly("C", subsequent_term="30D", notice_period="30D"), wished_on="2027-03-15").alternatives[:1]
    assert saves.terminate_on == date(2027, 3, 1)
    assert saves.statement.values["difference"] == "30D"


def test_the_day_after_an_end_close_to_the_wish_costs_a_term() -> None:
    (costs, until) = wished(yearly("C"), wished_on="2026-12-15").alternatives
    assert costs.statement.text == (
        "with 2027-01-01 instead of 2026-12-15, billing of line C ends on 2027-12-31, 12 months later"
    )
    assert (until.terminate_on, until.access_ends_on) == (Termination.END_OF_TERM, date(2026, 12, 31))


def test_of_what_matters_to_vendors_alone_no_alternative_is_named() -> None:
    assert wished(yearly("V", partner="vendor"), wished_on="2027-01-31").alternatives == ()


def test_a_goodwill_has_no_alternatives() -> None:
    assert wished(yearly("C"), wished_on="2027-01-31", goodwill=True).alternatives == ()


@modest
@given(st.lists(calculated_lines, max_size=3), days, days)
def test_every_alternative_says_what_a_quote_for_it_would_say(
    lines: list[SubscriptionLine], received_on: date, wished_on: date
) -> None:
    named = [one.model_copy(update={"id": str(number)}) for number, one in enumerate(lines)]
    for other in quote("S", named, [], received_on=received_on, wished_on=wished_on).alternatives:
        if isinstance(other.terminate_on, Termination):
            found = quote("S", named, [], received_on=received_on, termination=other.terminate_on)
            assert found.access_ends_on == other.access_ends_on
            continue
        found = quote("S", named, [], received_on=received_on, wished_on=other.terminate_on)
        by_line = {line.decision.line_id: line.decision.end_date.isoformat() for line in found.lines}
        assert by_line[str(other.statement.values["line"])] == other.statement.values["end_date"]

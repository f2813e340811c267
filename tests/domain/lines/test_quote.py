"""Changes between two quotes, and the ones that a customer reads."""

from datetime import date
from typing import Any

from domain.lines.line import SubscriptionLine
from domain.lines.quote import Quote, changes, quote

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

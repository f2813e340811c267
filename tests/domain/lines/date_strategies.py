"""Lines, formulas and days for tests of the date rules."""

from datetime import date, timedelta

from hypothesis import settings
from hypothesis import strategies as st

from domain.lines.line import SubscriptionLine
from domain.lines.terms import first_calculation

modest = settings(max_examples=150, deadline=None)

days = st.dates(min_value=date(2019, 12, 1), max_value=date(2034, 12, 31))
"""Days over a decade and a half, three leap days among them."""

_simple_lengths = st.one_of(
    st.integers(1, 400).map("{}D".format),
    st.integers(1, 60).map("{}W".format),
    st.integers(1, 36).map("{}M".format),
    st.integers(1, 8).map("{}Q".format),
    st.integers(1, 5).map("{}Y".format),
)
lengths = st.one_of(
    st.sampled_from(["1D", "14D", "1M", "3M", "6M", "1Q", "1Y", "1M+CM", "1Q+CQ", "CM+1D", "CW+1D", "2W+CW", "1M+15D"]),
    _simple_lengths,
)
"""Formulas that move every date forward."""

notices = st.one_of(st.none(), st.sampled_from(["0D", "CM", "14D", "1M", "3M", "3M+CM", "6W"]), lengths)


def a_line(**fields: object) -> SubscriptionLine:
    """A line of which only what the test is about is said."""
    return SubscriptionLine.read({"id": "L1", "start_date": "2026-01-01", "billing_rhythm": "1M", **fields})


@st.composite
def lines(draw: st.DrawFn) -> SubscriptionLine:
    """New lines with calculated dates, and lines whose dates were entered by hand or imported half."""
    line = a_line(
        start_date=draw(days),
        initial_term=draw(st.none() | lengths),
        subsequent_term=draw(st.none() | lengths),
        notice_period=draw(notices),
    )
    if draw(st.booleans()):
        line = first_calculation(line)
    else:
        near = st.integers(-500, 2000).map(lambda n: line.start_date + timedelta(days=n))
        line = line.revised(
            term_until=draw(st.none() | near),
            cancellation_possible_until=draw(st.none() | near),
            end_date=draw(st.none() | st.integers(0, 2000).map(lambda n: line.start_date + timedelta(days=n))),
        )
    billed = draw(st.none() | st.integers(0, 2500).map(lambda n: line.start_date + timedelta(days=n)))
    if line.end_date is not None and draw(st.booleans()):
        billed = line.end_date + timedelta(days=1)
    return line.revised(next_billing_date=billed, open_billing_line=draw(st.booleans()), frozen=draw(st.booleans()))


calculated_lines = lines().map(first_calculation)

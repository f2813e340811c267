"""The end of a link tells it from every link before it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.link_lifetime import next_expiry

NOON = datetime(2026, 11, 29, 12, 0, 0, 750_000, tzinfo=UTC)


def test_a_link_works_for_its_lifetime_in_whole_seconds() -> None:
    assert next_expiry(NOON, timedelta(days=7), None) == datetime(2026, 12, 6, 12, tzinfo=UTC)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), min_size=2, max_size=20))
def test_no_two_links_of_a_case_end_at_the_same_instant_and_later_ones_end_later(made: list[tuple[int, int]]) -> None:
    at, before, ends = NOON, None, []
    for pause, days in made:
        at += timedelta(seconds=pause / 4)
        before = next_expiry(at, timedelta(days=days), before)
        ends.append(before)
    assert ends == sorted(set(ends))

"""Deadlines as people say them."""

from datetime import UTC, date, datetime

import pytest

from domain.civil_time import deadline_in_words, last_day_before, reversal_deadline, start_of_day


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "Pacific/Auckland", "UTC"])
def test_a_deadline_at_midnight_is_the_end_of_the_day_before(zone: str) -> None:
    deadline = reversal_deadline(date(2026, 11, 22), 30, zone)
    assert deadline_in_words(deadline, zone) == "the end of 22.12.2026"
    assert last_day_before(deadline, zone) == date(2026, 12, 22)


def test_midnight_is_that_of_the_zone_and_not_of_utc() -> None:
    assert deadline_in_words(datetime(2026, 12, 23, tzinfo=UTC), "Asia/Tokyo") == "23.12.2026 09:00 JST"
    assert deadline_in_words(datetime(2026, 12, 22, 15, tzinfo=UTC), "Asia/Tokyo") == "the end of 22.12.2026"


def test_any_other_deadline_is_an_instant_with_its_zone() -> None:
    assert deadline_in_words(datetime(2026, 12, 31, 22, 59, tzinfo=UTC), "Europe/Berlin") == "31.12.2026 23:59 CET"


def test_a_day_ends_also_where_clocks_jump_over_its_midnight() -> None:
    # In Beirut 28.03.2027 begins at 01:00.
    assert deadline_in_words(start_of_day(date(2027, 3, 28), "Asia/Beirut"), "Asia/Beirut") == "the end of 27.03.2027"


def test_a_day_ends_also_where_midnight_comes_twice() -> None:
    # In Havana clocks go back from 01:00 to 00:00 on 01.11.2026; the first midnight ends the day before.
    assert (
        deadline_in_words(start_of_day(date(2026, 11, 1), "America/Havana"), "America/Havana")
        == "the end of 31.10.2026"
    )

"""Civil dates from instants, and instants from civil dates."""

from datetime import date

import pytest

from domain.civil_time import last_day_before, reversal_deadline


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "Pacific/Auckland", "UTC"])
def test_the_last_day_of_a_reversal_window_is_that_of_the_zone(zone: str) -> None:
    assert last_day_before(reversal_deadline(date(2026, 11, 22), 30, zone), zone) == date(2026, 12, 22)

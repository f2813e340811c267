"""Runs of the update of line dates: the day of each organization, and days that are not reached."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.civil_time import day_of, first_day_at, last_day_at
from domain.lines.runs import DayNotReached, NightNotReached, RunDays, check_reached

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
INSTANTS = st.integers(-18_000 * 1440, 12_000 * 1440).map(lambda minutes: NOON + timedelta(minutes=minutes))
"""Over eighty years."""


@settings(deadline=None, max_examples=30)
@given(INSTANTS)
def test_the_first_and_the_last_day_are_those_of_all_zones(instant: datetime) -> None:
    days = {day_of(instant, zone) for zone in available_timezones()}
    assert min(days) >= first_day_at(instant)
    assert max(days) <= last_day_at(instant)
    assert {day_of(instant, "Etc/GMT+12"), day_of(instant, "Etc/GMT-14")} == {
        first_day_at(instant),
        last_day_at(instant),
    }


def test_each_zone_has_its_own_day_at_an_instant() -> None:
    days = RunDays.at(NOON, ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"])
    assert days.by_zone == {
        "Pacific/Kiritimati": date(2026, 11, 30),
        "Pacific/Pago_Pago": date(2026, 11, 29),
        "Europe/Berlin": date(2026, 11, 29),
    }
    assert (days.first, days.last) == (date(2026, 11, 29), date(2026, 11, 30))


def test_in_a_zone_that_is_not_known_here_it_is_the_earliest_day() -> None:
    """Rolling late is harmless; rolling early takes a deadline day away."""
    days = RunDays.at(datetime(2026, 11, 29, 11, 59, tzinfo=UTC), ["Mars/Olympus_Mons"])
    assert (days.by_zone, days.otherwise) == ({}, date(2026, 11, 28))


def test_as_of_a_day_it_is_that_day_everywhere() -> None:
    days = RunDays(date(2026, 10, 1))
    assert (days.first, days.last) == (date(2026, 10, 1), date(2026, 10, 1))


def test_the_last_day_that_a_zone_has_reached_is_allowed_and_the_next_is_refused_with_both_days() -> None:
    check_reached(date(2026, 11, 30), NOON, "Europe/Berlin", NOON)
    with pytest.raises(DayNotReached) as refused:
        check_reached(date(2026, 12, 1), NOON, "Europe/Berlin", NOON)
    assert refused.value.code == "day_not_reached"
    assert refused.value.values == {"day": "2026-12-01", "last_reached": "2026-11-30"}
    assert "force" in refused.value.way_out


def test_before_ten_in_utc_no_zone_has_reached_tomorrow() -> None:
    with pytest.raises(DayNotReached):
        check_reached(date(2026, 11, 30), NOON, "UTC", NOON.replace(hour=9, minute=59))
    check_reached(date(2026, 11, 30), NOON, "UTC", NOON.replace(hour=10))


def test_an_instant_ahead_is_refused_but_for_the_difference_between_two_clocks() -> None:
    check_reached(None, NOON + timedelta(minutes=5), "UTC", NOON)
    with pytest.raises(NightNotReached) as refused:
        check_reached(None, NOON + timedelta(minutes=6), "UTC", NOON)
    assert refused.value.code == "night_not_reached"
    assert "2026-11-29 12:06 UTC" in str(refused.value)

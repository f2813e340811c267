"""The zones of a fault run: each has its midnight in another minute."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.civil_time import day_of, start_of_day
from tests.faults.zones import NOON, Zones


def test_midnights_come_minute_by_minute(tmp_path: Path) -> None:
    zones = Zones(tmp_path / "zones", 1500)
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(zones.path.split(":"))
    try:
        now = datetime.now(UTC)
        for name, midnight in zones.midnights.items():
            assert start_of_day(day_of(midnight, name), name) == midnight
            assert day_of(midnight - timedelta(seconds=1), name) < day_of(midnight, name)
        assert day_of(now - timedelta(hours=11), NOON) == day_of(now + timedelta(hours=11), NOON)
        assert zones.midnights[zones.next_midnight(timedelta(seconds=90))] - now >= timedelta(seconds=90)
    finally:
        zoneinfo.reset_tzpath(before)

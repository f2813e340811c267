"""Days, instants and deadlines as agents and customers read them."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from domain.civil_time import TimeZoneUnknown, last_day_before, reversal_deadline, start_of_day
from domain.words import FOR_AGENTS, FOR_CUSTOMERS, Words, sentence, size_in_words

ROOT = Path(__file__).parents[2]


def at(instant: str) -> datetime:
    return datetime.fromisoformat(instant).astimezone(UTC)


@pytest.mark.parametrize(
    ("day", "agents", "customers"),
    [
        (date(2026, 12, 31), "2026-12-31", "31 December 2026"),
        (date(2027, 3, 1), "2027-03-01", "1 March 2027"),
        (date(987, 1, 2), "0987-01-02", "2 January 987"),
    ],
)
def test_a_day_is_iso_8601_for_agents_and_spelled_out_for_customers(day: date, agents: str, customers: str) -> None:
    assert FOR_AGENTS.day(day) == agents
    assert FOR_CUSTOMERS.day(day) == customers


@pytest.mark.parametrize(
    ("instant", "zone", "agents", "customers"),
    [
        (
            "2026-12-31T13:04:59Z",
            "America/Sao_Paulo",
            "2026-12-31 10:04 America/Sao_Paulo (UTC-03:00)",
            "31 December 2026, 10:04 America/Sao_Paulo (UTC-03:00)",
        ),
        # Both are CST, on different days.
        (
            "2026-12-31T17:30Z",
            "America/Chicago",
            "2026-12-31 11:30 America/Chicago (UTC-06:00)",
            "31 December 2026, 11:30 America/Chicago (UTC-06:00)",
        ),
        (
            "2026-12-31T17:30Z",
            "Asia/Shanghai",
            "2027-01-01 01:30 Asia/Shanghai (UTC+08:00)",
            "1 January 2027, 01:30 Asia/Shanghai (UTC+08:00)",
        ),
        (
            "2026-12-31T18:15Z",
            "Asia/Kathmandu",
            "2027-01-01 00:00 Asia/Kathmandu (UTC+05:45)",
            "1 January 2027, 00:00 Asia/Kathmandu (UTC+05:45)",
        ),
        (
            "2026-06-30T22:15Z",
            "Europe/Berlin",
            "2026-07-01 00:15 Europe/Berlin (UTC+02:00)",
            "1 July 2026, 00:15 Europe/Berlin (UTC+02:00)",
        ),
        ("2026-12-31T10:04Z", "UTC", "2026-12-31 10:04 UTC", "31 December 2026, 10:04 UTC"),
        # Greenwich has that offset in winter alone, so it is said.
        (
            "2026-12-31T10:04Z",
            "Europe/London",
            "2026-12-31 10:04 Europe/London (UTC+00:00)",
            "31 December 2026, 10:04 Europe/London (UTC+00:00)",
        ),
    ],
)
def test_an_instant_names_its_zone_and_the_offset(instant: str, zone: str, agents: str, customers: str) -> None:
    assert FOR_AGENTS.instant(at(instant), zone) == agents
    assert FOR_CUSTOMERS.instant(at(instant), zone) == customers


def test_the_offset_tells_apart_the_hour_that_comes_twice_and_follows_the_one_that_is_left_out() -> None:
    said = [FOR_AGENTS.instant(at(f"2026-10-25T0{hour}:30Z"), "Europe/Berlin") for hour in (0, 1)]
    assert said == ["2026-10-25 02:30 Europe/Berlin (UTC+02:00)", "2026-10-25 02:30 Europe/Berlin (UTC+01:00)"]
    said = [FOR_AGENTS.instant(at(f"2027-03-28T0{hour}:59Z"), "Europe/Berlin") for hour in (0, 1)]
    assert said == ["2027-03-28 01:59 Europe/Berlin (UTC+01:00)", "2027-03-28 03:59 Europe/Berlin (UTC+02:00)"]


def test_an_instant_is_said_to_the_second_where_that_matters() -> None:
    instant = at("2026-12-31T13:04:59.999Z")
    assert FOR_AGENTS.instant(instant, "Asia/Tokyo", seconds=True) == "2026-12-31 22:04:59 Asia/Tokyo (UTC+09:00)"


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(TimeZoneUnknown):
        FOR_AGENTS.instant(at("2026-12-31T13:04Z"), "CST")


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "Pacific/Auckland", "Asia/Kathmandu", "UTC"])
def test_a_deadline_at_midnight_is_the_end_of_the_day_before(zone: str) -> None:
    deadline = reversal_deadline(date(2026, 11, 22), 30, zone)
    assert FOR_AGENTS.deadline(deadline, zone) == f"the end of 2026-12-22 ({zone})"
    assert FOR_CUSTOMERS.deadline(deadline, zone) == f"the end of 22 December 2026 ({zone})"
    assert last_day_before(deadline, zone) == date(2026, 12, 22)


def test_midnight_is_that_of_the_zone_and_not_of_utc() -> None:
    of_utc, of_tokyo = at("2026-12-23T00:00Z"), at("2026-12-22T15:00Z")
    assert FOR_AGENTS.deadline(of_utc, "Asia/Tokyo") == "2026-12-23 09:00 Asia/Tokyo (UTC+09:00)"
    assert FOR_AGENTS.deadline(of_tokyo, "Asia/Tokyo") == "the end of 2026-12-22 (Asia/Tokyo)"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (FOR_AGENTS, "2026-12-31 23:59 Europe/Berlin (UTC+01:00)"),
        (FOR_CUSTOMERS, "31 December 2026, 23:59 Europe/Berlin (UTC+01:00)"),
    ],
    ids=["agents", "customers"],
)
def test_any_other_deadline_is_an_instant_with_its_zone(words: Words, said: str) -> None:
    assert words.deadline(at("2026-12-31T22:59Z"), "Europe/Berlin") == said


def test_a_day_ends_also_where_clocks_jump_over_its_midnight() -> None:
    # In Beirut the 28th begins at 01:00.
    deadline = start_of_day(date(2027, 3, 28), "Asia/Beirut")
    assert FOR_AGENTS.deadline(deadline, "Asia/Beirut") == "the end of 2027-03-27 (Asia/Beirut)"


def test_a_day_ends_also_where_midnight_comes_twice() -> None:
    # In Havana clocks go back from 01:00 to 00:00 on 1 November; the first midnight ends the day before.
    deadline = start_of_day(date(2026, 11, 1), "America/Havana")
    assert FOR_AGENTS.deadline(deadline, "America/Havana") == "the end of 2026-10-31 (America/Havana)"


def test_nothing_else_writes_dates_in_a_form_of_its_own() -> None:
    packages = ("domain", "contract", "storage", "records", "runtime", "activities", "workflows", "starter")
    sources = [path for package in packages for kind in ("*.py", "*.j2") for path in (ROOT / package).rglob(kind)]
    assert len(sources) > 200
    found = [path for path in sources if re.search(r"%Z|%d\.%m|DD\.MM|%B|%b\b", path.read_text(encoding="utf-8"))]
    assert found == []


def test_a_step_reads_as_a_sentence() -> None:
    assert sentence("the line ends on 2026-12-31") == "The line ends on 2026-12-31."
    assert sentence("Line L-1 is closed meanwhile.") == "Line L-1 is closed meanwhile."


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 bytes"), (999, "999 bytes"), (1_400_000, "1.4 MB"), (2_500_000_000_000, "2.5 TB")]
)
def test_a_size_is_said_in_its_largest_unit(count: int, said: str) -> None:
    assert size_in_words(count) == said

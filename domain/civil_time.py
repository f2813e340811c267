"""Civil dates and instants, and the only conversions between them.

A civil date belongs to a time zone; an instant is UTC. Every function names the zone (rules, section 1).
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.refusals import Refusal
from domain.remedies import correct_input


class TimeZoneUnknown(Refusal):
    """A name that is not one of the IANA time zones."""

    code = "time_zone_unknown"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no time zone named {name!r}.",
            remedy=correct_input("Give the IANA name, for example Europe/Berlin."),
            time_zone=name,
        )


def time_zone(name: str) -> ZoneInfo:
    """Return the IANA time zone of that name; raises TimeZoneUnknown."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TimeZoneUnknown(name) from None


def day_of(instant: datetime, zone: str) -> date:
    """Return the civil date in ``zone`` at ``instant``."""
    return instant.astimezone(time_zone(zone)).date()


def first_day_at(instant: datetime) -> date:
    """Return the earliest civil date that any zone has at ``instant``: that of UTC-12."""
    return (instant.astimezone(UTC) - timedelta(hours=12)).date()


def last_day_at(instant: datetime) -> date:
    """Return the latest civil date that any zone has at ``instant``, and so has reached: that of UTC+14."""
    return (instant.astimezone(UTC) + timedelta(hours=14)).date()


def start_of_day(day: date, zone: str) -> datetime:
    """Return the instant (UTC) at which ``day`` begins in ``zone``.

    Where clocks skip midnight, that is the instant of the jump; where midnight comes twice, the first.
    """
    return datetime.combine(day, time.min, tzinfo=time_zone(zone)).astimezone(UTC)


def reversal_deadline(access_ended_on: date, days: int, zone: str) -> datetime:
    """Return the first instant (UTC) at which a reversal is too late.

    The window runs from the day access ended until midnight at the end of its ``days``-th day, so a request at any time
    of that day counts (rules, section 8).
    """
    return start_of_day(access_ended_on + timedelta(days=days + 1), zone)


def last_day_before(deadline: datetime, zone: str) -> date:
    """Return the last civil date in ``zone`` on which there is still time: midnight belongs to the day that it ends."""
    return day_of(deadline - timedelta(microseconds=1), zone)

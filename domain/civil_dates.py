"""Civil dates: days on the wall calendar of the organization's time zone, with no clock and no zone of their own.

The calendar goes from 0001-01-01 to 9999-12-31. Every calculation that would leave it is refused by name, so that no
caller meets Python's ``OverflowError``.
"""

import re
from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from domain.refusals import Refusal, RefusedValue

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
"""The days between which a caller's lie. Terms are added to them and taken away, in every zone, far from the ends of the calendar."""

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LAST_ORDINAL = date.max.toordinal()
_DAYS_IN_MONTH = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class DateMalformed(Refusal):
    """A text that is not an ISO 8601 calendar date."""

    code = "date_malformed"

    def __init__(self, given: object) -> None:
        shown = repr(given)
        shown = shown if len(shown) <= 40 else f"{shown[:40]}…"
        super().__init__(
            f"{shown} is not a date: write an existing day as YYYY-MM-DD, such as 2026-09-30.", given=shown
        )


class DateOutOfRange(Refusal):
    """A calculation whose result, or an intermediate date of it, lies outside the calendar."""

    code = "date_out_of_range"

    def __init__(self, day: date, step: str) -> None:
        super().__init__(
            f"{day_text(day)} and the step {step} lead outside the calendar, which goes from 0001-01-01 to 9999-12-31.",
            day=day,
            step=step,
        )


class DayOutOfBounds(Refusal):
    """A day that nobody means: a slip, or the mark of another system for a day that there is not."""

    code = "day_out_of_bounds"

    def __init__(self, day: date) -> None:
        super().__init__(
            f"{day_text(day)} is not taken: a day from {day_text(FIRST_DAY)} to {day_text(LAST_DAY)} is, and none where there is none.",
            day=day,
        )


def day_text(day: date) -> str:
    """Return the day in ISO 8601, ``2026-12-31``, as all readers but customers get it (`domain.words`)."""
    return day.isoformat()


def count_text(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 day``, ``4 days``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def parse_day(given: object) -> date:
    """Return the day written as ``YYYY-MM-DD``; raises `DateMalformed` for everything else.

    Stricter than `date.fromisoformat` and than pydantic: no week dates, no compact form, no timestamps, no numbers. The
    number 20260930 must not become a day in 1970, nor an instant a day in an unnamed zone.
    """
    if isinstance(given, str) and _ISO.fullmatch(given):
        try:
            return date.fromisoformat(given)
        except ValueError:
            raise DateMalformed(given) from None
    if isinstance(given, date) and not isinstance(given, datetime):
        return given
    raise DateMalformed(given)


def plus_days(day: date, days: int) -> date:
    """Return the day ``days`` later, or earlier if negative; raises `DateOutOfRange`."""
    ordinal = day.toordinal() + days
    if 1 <= ordinal <= _LAST_ORDINAL:
        return date.fromordinal(ordinal)
    raise DateOutOfRange(day, f"{days:+d}D")


def days_in_month(year: int, month: int) -> int:
    """Return the number of days that the month has in the Gregorian calendar."""
    if month == 2 and (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)):
        return 29
    return _DAYS_IN_MONTH[month]


def end_of_month(day: date) -> date:
    """Return the last day of the day's month."""
    return date(day.year, day.month, days_in_month(day.year, day.month))


def is_end_of_month(day: date) -> bool:
    """Return true if the day is the last of its month."""
    return day.day >= 28 and day.day == days_in_month(day.year, day.month)


def _validate(given: object) -> date:
    try:
        return parse_day(given)
    except DateMalformed as refusal:
        raise RefusedValue(refusal) from None


def refuse_out_of_bounds(*days: object) -> None:
    """Refuse a day that no caller means; what is no day has no bounds. Raises DayOutOfBounds."""
    for day in days:
        if isinstance(day, date) and not isinstance(day, datetime) and not FIRST_DAY <= day <= LAST_DAY:
            raise DayOutOfBounds(day)


def _within_bounds(day: date) -> date:
    try:
        refuse_out_of_bounds(day)
    except DayOutOfBounds as refusal:
        raise RefusedValue(refusal) from None
    return day


CivilDate = Annotated[date, BeforeValidator(_validate)]
"""The type of a civil date in a pydantic model: read from ``YYYY-MM-DD`` only, written the same way."""

EnteredDate = Annotated[CivilDate, AfterValidator(_within_bounds)]
"""The type of one in a document that is taken in: from `FIRST_DAY` to `LAST_DAY`. What was kept before there were bounds is a `CivilDate`."""

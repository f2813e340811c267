"""Dates, instants and sentences as people read them.

Two kinds of readers, two ways of writing a day. Agents, operators and programs get ISO 8601, ``2026-12-31``: the command
line, the Web UI, refusals. Customers get it spelled out, ``31 December 2026``, in letters and on pages. An instant names
its zone and the offset from UTC that held then, ``2026-12-31 10:04 America/Sao_Paulo (UTC-03:00)``: an abbreviation says
little ("-03") or too much ("CST" is Chicago and Shanghai), and the offset distinguishes the two times that a clock shows
twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from domain.civil_dates import day_text
from domain.civil_time import day_of, last_day_before, start_of_day, time_zone
from domain.vocabulary import ReceiptChannel

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True)
class Words:
    """The way of writing days and instants for one kind of reader."""

    day: Callable[[date], str]
    """The day in words, without a zone."""
    between: str
    """The text between a day and the time on it."""

    def instant(self, instant: datetime, zone: str, *, seconds: bool = False) -> str:
        """Return an instant as clocks in ``zone`` show it, to the minute or to the second.

        Raises:
            TimeZoneUnknown.

        """
        local = instant.astimezone(time_zone(zone))
        clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
        return f"{self.day(local.date())}{self.between}{clock} {zone_with_offset(local, zone)}"

    def deadline(self, deadline: datetime, zone: str) -> str:
        """Return an exclusive deadline, the first instant that is too late, as people in ``zone`` say it.

        A deadline at midnight is the end of the day before, "the end of 2026-12-22 (Europe/Berlin)": a reader of
        "2026-12-23 00:00" takes the 23rd for the last day. Any other is an instant.

        Raises:
            TimeZoneUnknown.

        """
        if deadline == start_of_day(day_of(deadline, zone), zone):
            return f"the end of {self.day(last_day_before(deadline, zone))} ({zone})"
        return self.instant(deadline, zone)


def zone_with_offset(local: datetime, zone: str) -> str:
    """Return the name of a zone with its offset at a local time in it, ``Asia/Kathmandu (UTC+05:45)``; UTC is just ``UTC``."""
    return zone if zone == "UTC" else f"{zone} (UTC{local.isoformat(timespec='minutes')[16:]})"


def spelled_out(day: date) -> str:
    """Return the day as a letter writes it, ``31 December 2026``."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


_BY_CHANNEL = {
    ReceiptChannel.LETTER: "by letter",
    ReceiptChannel.PHONE: "by phone",
    ReceiptChannel.MAIL: "by e-mail",
    ReceiptChannel.PORTAL: "through the portal",
    ReceiptChannel.SYSTEM: "from a system",
}


def received_in_words(instant: str, channel: ReceiptChannel | None) -> str:
    """Return the instant of a receipt, which is in words already, with the way by which it came, if that is known."""
    return instant if channel is None else f"{instant}, {_BY_CHANNEL[channel]}"


def sentence(step: str) -> str:
    """Return a step of an explanation, which is written as part of a sentence, as a whole sentence."""
    return f"{step[:1].upper()}{step[1:].rstrip('.')}."


def size_in_words(count: int) -> str:
    """Return a number of bytes as people say it: ``1.4 MB``; a MB is a million."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


FOR_AGENTS = Words(day=day_text, between=" ")
"""The words for agents, operators and programs: ISO 8601."""
FOR_CUSTOMERS = Words(day=spelled_out, between=", ")
"""The words for letters and pages."""

"""Dates and times in a workbook: days and fractions of days, counted from the end of 1899."""

from collections.abc import Sequence
from datetime import date

from activities.export.text_cells import EMPTY, text_cell
from activities.export.warnings import Notes

_FIRST_DAY = date(1899, 12, 30).toordinal()
"""Day 0 as it counts from 1 March 1900 on; before, Excel counts a 29 February 1900 that never was."""
_MARCH_1900 = 61
_DAY_THOUSANDTHS = 86_400_000
_DAYS_KEPT = 20_000
_WHOLE_TIME = len("12:00:00")
_WHOLE_TIMESTAMP = len("2026-11-22 12:00:00")
_THOUSANDTHS = len(".123")
_ZONE = len("+00")


class _Unknown(Exception):  # noqa: N818 - an answer
    """The exception for a day or a time that Excel does not know."""


class _Days(dict[str, str]):
    """The number of a day, as text, by the day as it is printed."""

    def __missing__(self, text: str) -> str:
        try:
            number = date.fromisoformat(text).toordinal() - _FIRST_DAY
        except ValueError:  # infinity, BC, beyond 9999
            raise _Unknown from None
        if number < _MARCH_1900:
            raise _Unknown
        if len(self) >= _DAYS_KEPT:
            self.clear()
        return self.setdefault(text, str(number))


class _Times(dict[str, str]):
    """The part of a day that a time makes, as its decimals, by the time as it is printed; kept for whole seconds."""

    def __missing__(self, text: str) -> str:
        if len(text) == _WHOLE_TIME and not text.startswith("24"):
            return self.setdefault(text, _decimals_of_a_day(text, ""))
        if text[_WHOLE_TIME : _WHOLE_TIME + 1] != ".":
            raise _Unknown
        return _decimals_of_a_day(text, text[_WHOLE_TIME + 1 : _WHOLE_TIME + _THOUSANDTHS])


_TIMES = _Times()
"""The cache of times for all columns: up to 86,400 of them."""


class TemporalCells:
    """Dates, times and timestamps, as days and decimals of days since the end of 1899."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._days = _Days()

    def cells(self, values: Sequence[str | None], first_row: int) -> list[str]:
        """As `Cells`."""
        try:
            return self._cells(values)
        except _Unknown:
            return [self._cell(value, row) for row, value in enumerate(values, first_row)]

    def _cells(self, values: Sequence[str | None]) -> list[str]:
        """Return the cells of values that Excel knows. Raises _Unknown."""
        raise NotImplementedError

    def _cell(self, value: str | None, row: int) -> str:
        try:
            return self._cells((value,))[0]
        except _Unknown:
            self._notes.add("date_out_of_range", row)
            return text_cell(value or "", quoted=True)

    def _note_finer(self, values: Sequence[str | None], first_row: int, longest: int) -> None:
        """Count values finer than a thousandth of a second, by their length."""
        finer = [row for row, value in enumerate(values, first_row) if value is not None and len(value) > longest]
        if finer:
            self._notes.add("below_milliseconds", finer[0], len(finer))


class DateCells(TemporalCells):
    """Dates."""

    def _cells(self, values: Sequence[str | None]) -> list[str]:
        days = self._days
        return [EMPTY if value is None else f'<c s="2"><v>{days[value]}</v></c>' for value in values]


class TimeCells(TemporalCells):
    """Times of day."""

    def cells(self, values: Sequence[str | None], first_row: int) -> list[str]:
        """As `Cells`."""
        self._note_finer(values, first_row, _WHOLE_TIME + _THOUSANDTHS)
        return super().cells(values, first_row)

    def _cells(self, values: Sequence[str | None]) -> list[str]:
        times = _TIMES
        return [
            EMPTY if value is None else f'<c s="{3 if len(value) == _WHOLE_TIME else 4}"><v>0{times[value]}</v></c>'
            for value in values
        ]


class TimestampCells(TemporalCells):
    """Timestamps without a zone."""

    def cells(self, values: Sequence[str | None], first_row: int) -> list[str]:
        """As `Cells`."""
        self._note_finer(values, first_row, _WHOLE_TIMESTAMP + _THOUSANDTHS)
        return super().cells(values, first_row)

    def _cells(self, values: Sequence[str | None]) -> list[str]:
        days, times = self._days, _TIMES
        return [
            EMPTY
            if value is None
            else f'<c s="{5 if len(value) == _WHOLE_TIMESTAMP else 6}"><v>{days[value[:10]]}{times[value[11:]]}</v></c>'
            for value in values
        ]


class UtcCells(TemporalCells):
    """Points in time, printed by a session whose zone is UTC: with +00 at the end."""

    def cells(self, values: Sequence[str | None], first_row: int) -> list[str]:
        """As `Cells`."""
        present = [row for row, value in enumerate(values, first_row) if value is not None]
        if present:
            self._notes.add("time_zone", present[0], len(present))
        self._note_finer(values, first_row, _WHOLE_TIMESTAMP + _THOUSANDTHS + _ZONE)
        return super().cells(values, first_row)

    def _cells(self, values: Sequence[str | None]) -> list[str]:
        days, times = self._days, _TIMES
        whole = _WHOLE_TIMESTAMP + _ZONE
        return [
            EMPTY
            if value is None
            else f'<c s="{7 if len(value) == whole else 8}"><v>{days[value[:10]]}{times[value[11:-3]]}</v></c>'
            for value in values
        ]


def _decimals_of_a_day(text: str, fraction: str) -> str:
    """Return ``.5`` of noon, with a fraction of at most three digits.

    Finer digits are cut off rather than left to Excel, which would round them: 23:59:59.999999 would be shown as the next day.
    """
    seconds = int(text[0:2]) * 3600 + int(text[3:5]) * 60 + int(text[6:8])
    thousandths = seconds * 1000 + int(fraction.ljust(3, "0"))
    return f".{(thousandths * 10**12 + _DAY_THOUSANDTHS // 2) // _DAY_THOUSANDTHS:012d}".rstrip("0").rstrip(".")

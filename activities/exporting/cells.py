"""Values as PostgreSQL prints them, turned into the cells of a workbook: a batch of rows at once, one column after another.

A value becomes a number, a date or a boolean only where Excel holds it exactly; else it becomes text, and is noted. The
styles are those of `activities.exporting.xlsx`.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Protocol

from activities.exporting.text_cells import EMPTY, Continue, TextCells, text_cell
from activities.exporting.warning_notes import Notes
from domain.export_manifest import WarningCode, WrittenAs
from storage.tenants.catalog import TenantColumn

EXACT_DIGITS = 15
"""Of a number, that Excel keeps."""

_FIRST_DAY = date(1899, 12, 30).toordinal()
"""Day 0 as it counts from 1 March 1900 on; before, Excel counts a 29 February 1900 that never was."""
_MARCH_1900 = 61
_DAY_SECONDS = 86_400
_DAYS_KEPT = 20_000
_LARGEST_EXPONENT = 307
_SMALLEST_DOUBLE = 2.2250738585072014e-308
_WHOLE_SECONDS = 19  # characters of 2026-11-22 12:00:00
_WHOLE_TIME = 8  # of 12:00:00

# Object identifiers of PostgreSQL's own types, which never change.
_BOOL, _INT8, _INT2, _INT4, _OID = 16, 20, 21, 23, 26
_FLOAT4, _FLOAT8, _NUMERIC = 700, 701, 1700
_DATE, _TIME, _TIMESTAMP, _TIMESTAMPTZ = 1082, 1083, 1114, 1184
_FIRST_OF_EXTENSIONS = 16_384


class Cells(Protocol):
    """The cells of one column."""

    def cells(self, values: Sequence[str | None], first_row: int) -> list[str]:
        """Return the cells of values as PostgreSQL prints them; the first is of this row of the table, counted from 1."""
        ...


def written_as(column: TenantColumn) -> WrittenAs:
    """Return how a column is written where Excel holds the value."""
    return _WRITTEN_AS.get(column.base_type_oid, "text")


def cells_of(column: TenantColumn, notes: Notes, continue_: Continue) -> Cells:
    """Return what makes the cells of a column; a domain's are those of the type below it."""
    make = _BY_TYPE.get(column.base_type_oid)
    if make is not None:
        return make(notes)
    known = column.base_type_oid < _FIRST_OF_EXTENSIONS or column.base_type_kind != "base"
    return TextCells(notes, continue_, known=known)


class BooleanCells:
    """Booleans, printed as t and f."""

    _CELL = {None: EMPTY, "t": '<c t="b"><v>1</v></c>', "f": '<c t="b"><v>0</v></c>'}  # noqa: RUF012

    def __init__(self, notes: Notes) -> None:
        del notes

    def cells(self, values: Sequence[str | None], first_row: int) -> list[str]:
        """As `Cells`."""
        del first_row
        return [self._CELL[value] for value in values]


class NumberCells:
    """Numbers. One that Excel would change is text, and noted under what ``trouble`` says of it."""

    def __init__(self, notes: Notes, trouble: Callable[[str], WarningCode | None], *, longest: int) -> None:
        self._notes = notes
        self._trouble = trouble
        self._longest = longest
        """Whatever has no more characters is exact, or no number at all."""

    def cells(self, values: Sequence[str | None], first_row: int) -> list[str]:
        """As `Cells`."""
        present = [value for value in values if value is not None]
        together = "".join(present)
        if max(map(len, present), default=0) <= self._longest and "N" not in together and "y" not in together:
            return [EMPTY if value is None else f"<c><v>{value}</v></c>" for value in values]
        return [EMPTY if value is None else self._cell(value, row) for row, value in enumerate(values, first_row)]

    def _cell(self, value: str, row: int) -> str:
        trouble = self._trouble(value)
        if trouble is None:
            return f"<c><v>{value}</v></c>"
        self._notes.add(trouble, row)
        return text_cell(value, quoted=True)


class TemporalCells:
    """Dates, times and timestamps, as days and parts of days since the end of 1899."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._days: dict[str, int | None] = {}

    def cells(self, values: Sequence[str | None], first_row: int) -> list[str]:
        """As `Cells`."""
        return [EMPTY if value is None else self._cell(value, row) for row, value in enumerate(values, first_row)]

    def _cell(self, value: str, row: int) -> str:
        raise NotImplementedError

    def _as_text(self, value: str, row: int) -> str:
        self._notes.add("date_out_of_range", row)
        return text_cell(value, quoted=True)

    def _day(self, text: str) -> int | None:
        """The number of a day, remembered; None for one that Excel does not know."""
        if text not in self._days:
            if len(self._days) >= _DAYS_KEPT:
                self._days.clear()
            self._days[text] = _day_number(text)
        return self._days[text]

    def _finer(self, fraction: str, row: int) -> float:
        """Seconds below one, from digits after the point."""
        if len(fraction) > 3:
            self._notes.add("below_milliseconds", row)
        return float(f"0.{fraction}")


class DateCells(TemporalCells):
    """Dates."""

    def _cell(self, value: str, row: int) -> str:
        day = self._day(value)
        return self._as_text(value, row) if day is None else f'<c s="2"><v>{day}</v></c>'


class TimeCells(TemporalCells):
    """Times of day."""

    def _cell(self, value: str, row: int) -> str:
        if value.startswith("24"):
            return self._as_text(value, row)
        seconds: float = _seconds(value)
        if len(value) == _WHOLE_TIME:
            return f'<c s="3"><v>{seconds / _DAY_SECONDS!r}</v></c>'
        seconds += self._finer(value[_WHOLE_TIME + 1 :], row)
        return f'<c s="4"><v>{seconds / _DAY_SECONDS!r}</v></c>'


class TimestampCells(TemporalCells):
    """Timestamps without a zone."""

    _WHOLE, _FRACTION = 5, 6

    def _cell(self, value: str, row: int) -> str:
        day = self._day(value[:10])
        if day is None or value.endswith("C"):  # 2026-11-22 12:00:00 BC
            return self._as_text(value, row)
        seconds: float = _seconds(value[11:])
        if len(value) == _WHOLE_SECONDS:
            return f'<c s="{self._WHOLE}"><v>{day + seconds / _DAY_SECONDS!r}</v></c>'
        seconds += self._finer(value[_WHOLE_SECONDS + 1 :], row)
        return f'<c s="{self._FRACTION}"><v>{day + seconds / _DAY_SECONDS!r}</v></c>'


class UtcCells(TimestampCells):
    """Points in time, printed by a session whose zone is UTC: with +00 at the end."""

    _WHOLE, _FRACTION = 7, 8

    def _cell(self, value: str, row: int) -> str:
        self._notes.add("time_zone", row)
        return super()._cell(value.removesuffix("+00"), row)

    def _as_text(self, value: str, row: int) -> str:
        return super()._as_text(value if value.endswith("infinity") else value.replace("+00", "") + " UTC", row)


def _day_number(text: str) -> int | None:
    try:
        number = date.fromisoformat(text).toordinal() - _FIRST_DAY
    except ValueError:  # infinity, BC, beyond 9999
        return None
    return number if number >= _MARCH_1900 else None


def _seconds(text: str) -> int:
    return int(text[0:2]) * 3600 + int(text[3:5]) * 60 + int(text[6:8])


def _no_trouble(value: str) -> WarningCode | None:
    del value
    return None


def _decimal_trouble(value: str) -> WarningCode | None:
    if value[-1] in "Ny":  # NaN, Infinity
        return "no_finite_number"
    whole, _, fraction = value.lstrip("-").partition(".")
    whole = whole.lstrip("0")
    if len((whole + fraction).strip("0")) > EXACT_DIGITS:
        return "digits_beyond_15"
    zeros = len(fraction) - len(fraction.lstrip("0"))
    if len(whole) > _LARGEST_EXPONENT or (not whole and _LARGEST_EXPONENT <= zeros < len(fraction)):
        return "number_out_of_range"
    return None


def _double_trouble(value: str) -> WarningCode | None:
    if value[-1] in "Ny":
        return "no_finite_number"
    return "number_out_of_range" if 0 < abs(float(value)) < _SMALLEST_DOUBLE else None


def _small_integers(notes: Notes) -> Cells:
    return NumberCells(notes, _no_trouble, longest=11)


def _decimals(notes: Notes) -> Cells:
    return NumberCells(notes, _decimal_trouble, longest=EXACT_DIGITS)


def _single_precision(notes: Notes) -> Cells:
    return NumberCells(notes, _double_trouble, longest=16)


def _double_precision(notes: Notes) -> Cells:
    return NumberCells(notes, _double_trouble, longest=5)


_BY_TYPE: dict[int, Callable[[Notes], Cells]] = {
    _BOOL: BooleanCells,
    _INT2: _small_integers,
    _INT4: _small_integers,
    _OID: _small_integers,
    _INT8: _decimals,
    _NUMERIC: _decimals,
    _FLOAT4: _single_precision,
    _FLOAT8: _double_precision,
    _DATE: DateCells,
    _TIME: TimeCells,
    _TIMESTAMP: TimestampCells,
    _TIMESTAMPTZ: UtcCells,
}
_WRITTEN_AS: dict[int, WrittenAs] = {
    _BOOL: "boolean",
    **dict.fromkeys((_INT2, _INT4, _OID, _INT8, _NUMERIC, _FLOAT4, _FLOAT8), "number"),
    _DATE: "date",
    _TIME: "time",
    _TIMESTAMP: "timestamp",
    _TIMESTAMPTZ: "timestamp in UTC",
}

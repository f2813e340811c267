"""Values as PostgreSQL prints them, turned into the cells of a workbook: a batch of rows at once, one column after another.

A value becomes a number, a date or a boolean only where Excel represents it exactly; else it becomes text, and is counted
in a warning. The styles are those of `activities.export.xlsx`.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from activities.export.date_time_cells import DateCells, TimeCells, TimestampCells, UtcCells
from activities.export.text_cells import EMPTY, Continue, TextCells, text_cell
from activities.export.warnings import Notes
from domain.export.manifest import WarningCode, WrittenAs
from storage.tenants.catalog import TenantColumn

EXACT_DIGITS = 15
"""The number of digits of a number that Excel keeps."""

_LARGEST_EXPONENT = 307
_SMALLEST_DOUBLE = 2.2250738585072014e-308
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
    """Return the form in which a column is written where Excel represents its values."""
    return _WRITTEN_AS.get(column.base_type_oid, "text")


def cells_of(column: TenantColumn, notes: Notes, continue_: Continue) -> Cells:
    """Return the maker of a column's cells; a domain's are those of the type below it."""
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
    """Numbers. A number that Excel would change becomes text, counted under the code that ``trouble`` gives it."""

    def __init__(
        self, notes: Notes, plain: Callable[[Sequence[str]], bool], trouble: Callable[[str], WarningCode | None]
    ) -> None:
        self._notes = notes
        self._plain = plain
        """A test of many values at once: true if certainly none of them is in trouble."""
        self._trouble = trouble

    def cells(self, values: Sequence[str | None], first_row: int) -> list[str]:
        """As `Cells`."""
        if self._plain([value for value in values if value is not None]):
            return [EMPTY if value is None else f"<c><v>{value}</v></c>" for value in values]
        return [EMPTY if value is None else self._cell(value, row) for row, value in enumerate(values, first_row)]

    def _cell(self, value: str, row: int) -> str:
        trouble = self._trouble(value)
        if trouble is None:
            return f"<c><v>{value}</v></c>"
        self._notes.add(trouble, row)
        return text_cell(value, quoted=True)


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


def _always(values: Sequence[str]) -> bool:
    del values
    return True


def _few_digits(values: Sequence[str]) -> bool:
    together = "".join(values)
    return max(map(len, values), default=0) <= EXACT_DIGITS and "N" not in together and "y" not in together


def _usual_doubles(values: Sequence[str]) -> bool:
    together = "".join(values)
    return "N" not in together and "y" not in together and "e-3" not in together


def _integers(notes: Notes) -> Cells:
    return NumberCells(notes, _always, _no_trouble)


def _decimals(notes: Notes) -> Cells:
    return NumberCells(notes, _few_digits, _decimal_trouble)


def _doubles(notes: Notes) -> Cells:
    return NumberCells(notes, _usual_doubles, _double_trouble)


_BY_TYPE: dict[int, Callable[[Notes], Cells]] = {
    _BOOL: BooleanCells,
    _INT2: _integers,
    _INT4: _integers,
    _OID: _integers,
    _INT8: _decimals,
    _NUMERIC: _decimals,
    _FLOAT4: _doubles,
    _FLOAT8: _doubles,
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

"""Warnings about values that a workbook represents or shows otherwise than PostgreSQL."""

from typing import get_args

from domain.export.manifest import ManifestWarning, WarningCode

# A value that is too large comes to no workbook (`activities.export.large_values`).
_SENTENCES: dict[WarningCode, str] = {
    "digits_beyond_15": "Numbers with more than 15 digits are written as text, because Excel would round them.",
    "no_finite_number": "NaN and infinity are written as text, because Excel has no such numbers.",
    "number_out_of_range": "Numbers larger or smaller than Excel's are written as text.",
    "date_out_of_range": "Dates before 1 March 1900 or after the year 9999, infinity and the time 24:00:00 are written "
    "as text, because Excel does not know them or counts them differently.",
    "below_milliseconds": "Excel knows thousandths of a second; what is finer is cut off here; the CSV file has it.",
    "time_zone": "Excel knows no time zones: points in time are written in UTC, and shown with a Z.",
    "formula_like_text": "Text that begins like a formula (= + - @) is written as text and is not evaluated; beware of "
    "opening the CSV file with Excel, which would evaluate it.",
    "long_text": "Text of more than 32,767 characters does not fit into a cell: the cell holds its beginning and says "
    'where the sheet "continued" holds all of it, in parts.',
    "control_characters": "Control characters are written as _xHHHH_, as Excel writes them itself; some other programs "
    "show these seven characters.",
    "unknown_type": "The type is an extension's, which this export does not know; values are written as text, as "
    "PostgreSQL prints them.",
}


class Notes:
    """A counter of the warnings of one column, by code. It keeps no values."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._found: dict[WarningCode, tuple[int, int]] = {}

    def add(self, code: WarningCode, row: int, count: int = 1) -> None:
        """Count values of which the first is in this row of the table, counted from 1; rows come in order."""
        before, first = self._found.get(code, (0, row))
        self._found[code] = (before + count, first)

    def warnings(self) -> list[ManifestWarning]:
        """Return the warnings counted so far."""
        return [
            ManifestWarning(
                code=code,
                column=self._column,
                count=self._found[code][0],
                row=self._found[code][1],
                sentence=_SENTENCES[code],
            )
            for code in get_args(WarningCode)
            if code in self._found
        ]

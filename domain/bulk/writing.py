"""The writing of results as CSV that a spreadsheet takes for text, whatever a cell begins with."""

import csv
import io
from collections.abc import Iterable, Sequence

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV; a cell that a spreadsheet would calculate is written behind an apostrophe (OWASP, CSV Injection)."""
    written = io.StringIO()
    # Lines end with CRLF (RFC 4180), so that a cell with either character is quoted: otherwise it would end there.
    writer = csv.writer(written)
    writer.writerow(header)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return written.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_BEGINS_A_FORMULA) else text

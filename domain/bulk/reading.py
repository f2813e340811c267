"""The reading of a file of rows: CSV with a header, in UTF-8. What is wrong with one row holds up no other one."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from domain.bulk import LARGEST_FILE, MOST_LINES, MOST_ROWS
from domain.bulk.refusals import BulkFileMalformed, BulkFileTooLarge, BulkRowDuplicate, BulkRowMalformed
from domain.refusals import Refusal, printable
from domain.vocabulary import Question

SUBSCRIPTION = "subscription"
ANSWERS = tuple(question.value for question in Question)
COLUMNS = (
    SUBSCRIPTION,
    *ANSWERS,
    *("attestation", "goodwill", "reason", "reason_code"),
    *("received_on", "received_at", "channel", "received_because"),
)
"""The columns that a file may have, by the names of the checklist and of the start; in any order, and only the first must be there."""

LONGEST_CELL = 1_000
_FIRST_ROW = 2
"""The number of the first row under the header, as spreadsheets count."""


@dataclass(frozen=True)
class FileRow:
    """One row of a file: its cells by column, without empty ones, or why it cannot be read."""

    number: int
    """As a spreadsheet counts, with the header as row 1."""
    cells: Mapping[str, str] = field(default_factory=dict)
    refusal: Refusal | None = None

    @property
    def subscription(self) -> str:
        """The subscription as it is written; empty where there is none."""
        return self.cells.get(SUBSCRIPTION, "")


def read_file(content: bytes) -> Sequence[FileRow]:
    """Return the rows of a file. Blank rows are left out, and counted.

    Raises:
        BulkFileTooLarge: more bytes, rows or lines than a bulk takes.
        BulkFileMalformed: no UTF-8, no CSV, a header that is missing or has a column that is unknown or there twice, or no row.

    """
    if len(content) > LARGEST_FILE:
        raise BulkFileTooLarge(f"{LARGEST_FILE >> 20} MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BulkFileMalformed("it is not written in UTF-8") from None
    if "\0" in text:
        raise BulkFileMalformed("it has a null character")
    lines = _lines(text)
    header = _header(next(lines, []))
    rows: list[FileRow] = []
    first_of: dict[str, int] = {}
    for number, line in enumerate(lines, start=_FIRST_ROW):
        if number - _FIRST_ROW == MOST_LINES:
            raise BulkFileTooLarge(f"{MOST_LINES:,} lines, blank ones too,")
        if not any(cell.strip() for cell in line):
            continue
        if len(rows) == MOST_ROWS:
            raise BulkFileTooLarge(f"{MOST_ROWS:,} rows")
        row = _row(number, header, line)
        if row.refusal is None and (first := first_of.setdefault(row.subscription, number)) != number:
            row = FileRow(number, row.cells, BulkRowDuplicate(row.subscription, first))
        rows.append(row)
    if not rows:
        raise BulkFileMalformed("it has no row under its header")
    return rows


def _lines(text: str) -> Iterator[Sequence[str]]:
    """Yield the lines of a file: a quoted cell may have several of the text's. Commas or semicolons part the cells."""
    first, _, _ = text.partition("\n")
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        try:
            line = next(reader, None)
        except csv.Error:
            raise BulkFileMalformed(f"line {reader.line_num} of it is no CSV") from None
        if line is None:
            return
        yield line


def _header(line: Sequence[str]) -> Sequence[str]:
    names = [name.strip().lower() for name in line]
    if SUBSCRIPTION not in names:
        raise BulkFileMalformed(f"its first row names no column {SUBSCRIPTION!r}")
    for name in names:
        if name not in COLUMNS:
            raise BulkFileMalformed(f"its column {printable(name)[:60]!r} is none of {', '.join(COLUMNS)}")
        if names.count(name) > 1:
            raise BulkFileMalformed(f"it has the column {name!r} twice")
    return names


def _row(number: int, header: Sequence[str], line: Sequence[str]) -> FileRow:
    cells = {name: cell.strip() for name, cell in zip(header, line, strict=False) if cell.strip()}
    problem = None
    if len(line) > len(header) and any(cell.strip() for cell in line[len(header) :]):
        problem = f"it has {len(line)} cells, and the header {len(header)}"
    elif SUBSCRIPTION not in cells:
        problem = f"{SUBSCRIPTION}: it is empty"
    elif too_long := [name for name, cell in cells.items() if len(cell) > LONGEST_CELL]:
        problem = f"{too_long[0]}: it has more than {LONGEST_CELL} characters"
    if problem is not None:
        return FileRow(number, cells, BulkRowMalformed([problem]))
    return FileRow(number, cells)

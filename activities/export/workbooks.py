"""A table as workbooks: as many rows to a sheet, and as many sheets to a workbook, as Excel accepts."""

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from activities.export.background_writer import BackgroundWriter
from activities.export.cells import cells_of, written_as
from activities.export.file_names import SheetNames
from activities.export.limits import Limits
from activities.export.object_file import ObjectFile
from activities.export.progress import Meter
from activities.export.table_reader import Row, Rows, batches
from activities.export.text_cells import pieces, text_cell
from activities.export.warnings import Notes
from activities.export.xlsx import Workbook
from domain.export.manifest import ManifestFile, ManifestWarning, WrittenAs
from storage.tenants.catalog import TenantTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from obstore.store import ObjectStore

_WIDTHS: dict[WrittenAs, int] = {
    "number": 14,
    "boolean": 9,
    "date": 11,
    "time": 13,
    "timestamp": 24,
    "timestamp in UTC": 25,
    "text": 24,
}
_WIDEST_FOR_A_NAME = 40
_CONTINUED_COLUMNS = ("sheet", "row", "column", "part", "parts", "text")
_CONTINUED_WIDTHS = (24, 10, 24, 6, 6, 80)


class _Continued:
    """Long text of one sheet, in parts, for the sheet that follows it."""

    def __init__(self, names: SheetNames) -> None:
        self.name = ""
        self.bytes = 0
        self.rows: list[bytes] = []
        self._names = names
        self._sheet = ""
        self._first_row = 1

    def begin(self, sheet: str, first_row: int) -> None:
        """Collect for a sheet whose first row of data is this one of the table."""
        self.name, self._sheet, self._first_row = "", sheet, first_row
        self.rows, self.bytes = [], 0

    def add(self, column: str, row: int, text: str) -> str:
        """Add a text, and return its place in words."""
        self.name = self.name or self._names.give("continued")
        parts = list(pieces(text))
        place = text_cell(self._sheet) + f"<c><v>{row - self._first_row + 2}</v></c>" + text_cell(column)
        first = len(self.rows) + 2
        for number, part in enumerate(parts, 1):
            xml = f"<row>{place}<c><v>{number}</v></c><c><v>{len(parts)}</v></c>{text_cell(part)}</row>".encode()
            self.rows.append(xml)
            self.bytes += len(xml)
        return (
            f'{len(text):,} characters in all; all of them are on the sheet "{self.name}", '
            f"rows {first} to {len(self.rows) + 1}"
        )


class TableWorkbooks:
    """The workbooks of one table. `files` and `warnings` are complete when `write` has returned."""

    def __init__(
        self, table: TenantTable, store: "ObjectStore", prefix: str, stem: str, *, meter: Meter, limits: Limits
    ) -> None:
        self._table = table
        self._store = store
        self._prefix = prefix
        self._stem = stem
        self._meter = meter
        self._limits = limits
        self._names = SheetNames()
        self._continued = _Continued(self._names)
        self._notes = [Notes(column.name) for column in table.columns]
        self._cells = [
            cells_of(column, notes, partial(self._continued.add, column.name))
            for column, notes in zip(table.columns, self._notes, strict=True)
        ]
        self._rows = 0
        self.files: list[ManifestFile] = []

    @property
    def warnings(self) -> list[ManifestWarning]:
        """The warnings about values that the workbooks represent differently."""
        return [warning for notes in self._notes for warning in notes.warnings()]

    def write(self, connection: psycopg.Connection[Any], reading: sql.Composed, widest_row: int) -> None:
        """Read the table by its statement and write it. Raises Stopped, and the errors of database and store."""
        size = self._limits.batch_rows_for(widest_row, len(self._cells))
        with closing(batches(connection, self._table, reading, size)) as source:
            rows = Rows(source)
            self._write_workbook(rows)
            while not rows.ended:
                self._write_workbook(rows)

    def _write_workbook(self, rows: Rows) -> None:
        number = len(self.files) + 1
        key = f"{self._stem}.xlsx" if number == 1 else f"{self._stem}-{number}.xlsx"
        before, sheets, size = self._rows, list[str](), 0
        with (
            ObjectFile(self._store, self._prefix + key, self._limits.part_bytes) as file,
            Workbook(file) as workbook,
            BackgroundWriter() as writer,
        ):
            while not sheets or (not rows.ended and size < self._limits.workbook_bytes):
                size += self._write_sheet(rows, workbook, writer, sheets)
        self.files.append(
            ManifestFile(
                key=key,
                kind="xlsx",
                rows=self._rows - before,
                bytes=file.bytes,
                sha256=file.sha256,
                sheets=tuple(sheets),
            )
        )

    def _write_sheet(self, rows: Rows, workbook: Workbook, writer: BackgroundWriter, sheets: list[str]) -> int:
        """Write a sheet, and one with its long text if it has any; return the bytes of their XML."""
        limits, continued = self._limits, self._continued
        name = self._names.give(self._table.name)
        names = [column.name for column in self._table.columns]
        writer.do(partial(workbook.begin_sheet, name, names, self._widths()))
        sheets.append(name)
        continued.begin(name, self._rows + 1)
        room, size = limits.sheet_rows - 1, 0
        while room and not rows.ended and size < limits.sheet_bytes and continued.bytes < limits.continued_bytes:
            batch = rows.take(room)
            xml = self._xml(batch)
            writer.do(partial(workbook.write, xml))
            self._rows += len(batch)
            self._meter.count(len(batch))
            room -= len(batch)
            size += len(xml)
        writer.do(workbook.end_sheet)
        if continued.rows:
            sheets.append(continued.name)
            writer.do(partial(workbook.begin_sheet, continued.name, _CONTINUED_COLUMNS, _CONTINUED_WIDTHS))
            for row in continued.rows:
                writer.do(partial(workbook.write, row))
            writer.do(workbook.end_sheet)
        return size + continued.bytes

    def _xml(self, rows: "Sequence[Row]") -> bytes:
        """Return rows as XML, made column by column."""
        if not self._cells:
            return b"<row/>" * len(rows)
        first = self._rows + 1
        columns = [
            cells.cells(values, first) for cells, values in zip(self._cells, zip(*rows, strict=True), strict=True)
        ]
        return f"<row>{'</row><row>'.join(map(''.join, zip(*columns, strict=True)))}</row>".encode()

    def _widths(self) -> list[int]:
        return [
            max(_WIDTHS[written_as(column)], min(len(column.name) + 2, _WIDEST_FOR_A_NAME))
            for column in self._table.columns
        ]

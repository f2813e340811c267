"""The limits of sheets, workbooks and memory."""

from dataclasses import dataclass

MEBIBYTE = 1 << 20

PARTS = 10_000
"""The largest number of parts that S3 accepts for one object."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of an export; the defaults are meant for use, smaller ones for tests of the limits."""

    sheet_rows: int = 1_048_576
    """The largest number of rows in a sheet, the line of column names included: Excel's own limit."""
    sheet_bytes: int = 512 * MEBIBYTE
    """The size of a sheet's XML. Beyond 2 GiB a ZIP archive needs fields that some readers do not know."""
    workbook_bytes: int = 1024 * MEBIBYTE
    """The size of the sheets' XML after which no sheet is begun: Excel keeps a whole workbook in memory."""
    continued_bytes: int = 16 * MEBIBYTE
    """The size of long text that waits in memory for the end of a sheet; reaching it ends the sheet."""
    batch_rows: int = 2_000
    batch_bytes: int = 4 * MEBIBYTE
    batch_cells: int = 50_000
    """The limits of rows read at once, unless a single row is larger."""
    cell_bytes: int = 128 * MEBIBYTE
    computed_cell_bytes: int = 1 * MEBIBYTE
    row_bytes: int = 256 * MEBIBYTE
    """The limits of a value and of a row as text, so that no data takes a worker's memory; larger values are left out. A
    value that is computed at each read costs its author nothing, and has a limit of its own."""
    part_bytes: int = 8 * MEBIBYTE
    """The size of one part of an upload; S3 requires at least 5 MiB."""

    def batch_rows_for(self, widest_row: int, columns: int) -> int:
        """Return the number of rows to read at once if none has more bytes, and all have so many columns."""
        return max(1, min(self.batch_rows, self.batch_bytes // max(widest_row, 1), self.batch_cells // max(columns, 1)))

    def part_bytes_for(self, table_bytes: int) -> int:
        """Return the size of parts with which a table of this size fits into one object, twice over."""
        return max(self.part_bytes, 2 * table_bytes // PARTS)

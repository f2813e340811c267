"""The limits of sheets, workbooks and memory."""

from dataclasses import dataclass

MEBIBYTE = 1 << 20

PARTS = 10_000
"""S3 takes no more parts to one object."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes of an export; the defaults are meant for use, smaller ones show in tests what happens at them."""

    sheet_rows: int = 1_048_576
    """Excel's own limit, with the line of column names."""
    sheet_bytes: int = 512 * MEBIBYTE
    """Of a sheet's XML. Beyond 2 GiB a ZIP archive needs fields that some readers do not know."""
    workbook_bytes: int = 1024 * MEBIBYTE
    """Of the XML of its sheets, after which no sheet is begun: Excel holds a workbook in memory as a whole."""
    continued_bytes: int = 16 * MEBIBYTE
    """Of long text that waits in memory for a sheet to end, and so ends it."""
    batch_rows: int = 2_000
    batch_bytes: int = 4 * MEBIBYTE
    batch_cells: int = 50_000
    """Of rows read at once, as long as a single row is no larger."""
    part_bytes: int = 8 * MEBIBYTE
    """Of one part of an upload; S3 wants at least 5 MiB."""

    def batch_rows_for(self, widest_row: int, columns: int) -> int:
        """Return how many rows to read at once if none has more bytes, and all have so many columns."""
        return max(1, min(self.batch_rows, self.batch_bytes // max(widest_row, 1), self.batch_cells // max(columns, 1)))

    def part_bytes_for(self, table_bytes: int) -> int:
        """Return the size of parts with which a table of this size fits into one object, twice over."""
        return max(self.part_bytes, 2 * table_bytes // PARTS)

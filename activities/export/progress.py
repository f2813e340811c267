"""The progress of an export: counted by the working thread, read by the thread that sends heartbeats."""

import threading
import time
from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict

from storage.tenants.catalog import TenantTable

CSV_SHARE = 0.35
"""The CSV file's share of a table's time, as `make bench-export` measures it; the workbooks take the rest."""

_LEAST_BYTES = 8192
_ESTIMATE_AFTER_SECONDS = 2.0


class ExportProgress(BaseModel):
    """The progress of an export.

    Every row is read twice, for the CSV file and for the workbook: a row that is in one of the two counts half in
    ``rows_done``. The estimates are the database's own, corrected by what was counted.
    """

    model_config = ConfigDict(frozen=True)

    table: str
    """The table that is being written; empty before the first."""
    tables_done: int
    tables: int
    rows: int
    """The rows of this table in the file that is being written."""
    rows_done: int
    rows_estimated: int
    percent: float
    """The share of the time, by size on disk; 100 only when everything is in the store."""
    seconds_left: float | None
    """The estimate of the remaining time; None while there is nothing to estimate it from."""


class Stopped(Exception):  # noqa: N818 - a request, not a fault
    """The exception that ends the working thread after the export was stopped."""


class Meter:
    """The counter of progress; `look` may be called from another thread, `stop` ends the work at its next `count`."""

    def __init__(self, tables: Sequence[TenantTable], clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._began = clock()
        self._tables = tables
        self._weights = [max(table.bytes, _LEAST_BYTES) for table in tables]
        self._done = 0
        self._rows_done = 0
        self._csv_rows = 0
        self._csv_ended = False
        self._workbook_rows = 0
        self._finished = False
        self._stopped = threading.Event()

    def count(self, rows: int) -> None:
        """Count rows of the file that is being written. Raises Stopped."""
        if self._stopped.is_set():
            raise Stopped
        with self._lock:
            if self._csv_ended:
                self._workbook_rows += rows
            else:
                self._csv_rows += rows

    def csv_ended(self) -> None:
        """Begin to count rows of the workbooks."""
        with self._lock:
            self._csv_ended = True

    def table_ended(self) -> None:
        """Go to the next table."""
        with self._lock:
            self._rows_done += self._csv_rows
            self._done += 1
            self._csv_rows = self._workbook_rows = 0
            self._csv_ended = False

    def finish(self) -> None:
        """Record that everything is in the store."""
        with self._lock:
            self._finished = True

    def stop(self) -> None:
        """End the work at its next row."""
        self._stopped.set()

    def look(self) -> ExportProgress:
        """Return the progress now."""
        with self._lock:
            current = self._tables[self._done] if self._done < len(self._tables) else None
            here = current.estimated_rows if current else 0
            if self._csv_ended or self._csv_rows > here:
                here = self._csv_rows
            later = sum(table.estimated_rows for table in self._tables[self._done + 1 :])
            part = self._part_of_table(here) if current else 0.0
            share = self._share(part)
            return ExportProgress(
                table=current.name if current else "",
                tables_done=self._done,
                tables=len(self._tables),
                rows=self._workbook_rows if self._csv_ended else self._csv_rows,
                rows_done=self._rows_done + (self._csv_rows + self._workbook_rows) // 2,
                rows_estimated=self._rows_done + here + later,
                percent=100.0 if self._finished else min(round(100 * share, 1), 99.9),
                seconds_left=self._seconds_left(share),
            )

    def _part_of_table(self, rows: int) -> float:
        if self._csv_ended:
            return CSV_SHARE + (1 - CSV_SHARE) * (self._workbook_rows / rows if rows else 0.0)
        return CSV_SHARE * (self._csv_rows / rows if rows else 0.0)

    def _share(self, part_of_table: float) -> float:
        if self._done >= len(self._weights):
            return 1.0
        done = sum(self._weights[: self._done]) + part_of_table * self._weights[self._done]
        return done / sum(self._weights)

    def _seconds_left(self, share: float) -> float | None:
        if self._finished:
            return 0.0
        took = self._clock() - self._began
        if took < _ESTIMATE_AFTER_SECONDS or share <= 0:
            return None
        return round(took * (1 - share) / share, 1)

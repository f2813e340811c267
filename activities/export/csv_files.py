"""A table as a compressed CSV file, exactly as PostgreSQL's COPY writes it."""

import zlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from activities.export.background_writer import BackgroundWriter
from activities.export.limits import Limits
from activities.export.object_file import ObjectFile
from activities.export.progress import Meter
from domain.export.manifest import ManifestFile
from storage.tenants.catalog import TenantTable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

LEVEL = 6
"""The level of compression: gzip's own."""

_BLOCK_BYTES = 512 * 1024
_GZIP = 31  # zlib's code for a gzip header, in which it leaves the time at zero


@dataclass(frozen=True, slots=True)
class CsvWritten:
    """A CSV file, and the width of its rows for the next reader of them."""

    file: ManifestFile
    widest_row: int
    """The size of the widest row in bytes, as CSV."""


class _Gzip:
    def __init__(self, file: ObjectFile) -> None:
        self._file = file
        self._compress = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)

    def write(self, data: bytes) -> None:
        if compressed := self._compress.compress(data):
            self._file.write(compressed)

    def end(self) -> None:
        self._file.write(self._compress.flush())


def write_csv(
    connection: psycopg.Connection[Any],
    table: TenantTable,
    reading: sql.Composed,
    store: "ObjectStore",
    prefix: str,
    key: str,
    *,
    meter: Meter,
    limits: Limits,
) -> CsvWritten:
    """Write all rows of the statement that reads a table into one file. Raises Stopped, and the errors of database and store."""
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER, ENCODING 'UTF8')").format(reading)
    waiting: list[memoryview] = []
    size = widest = 0
    with ObjectFile(store, prefix + key, limits.part_bytes_for(table.bytes)) as file:
        gzip = _Gzip(file)
        with BackgroundWriter() as writer, connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for row in copy:
                    waiting.append(memoryview(row))
                    size += (length := len(row))
                    widest = max(widest, length)
                    if size >= _BLOCK_BYTES:
                        writer.do(partial(gzip.write, b"".join(waiting)))
                        meter.count(len(waiting))
                        waiting, size = [], 0
            writer.do(partial(gzip.write, b"".join(waiting)))
            meter.count(len(waiting) - 1)  # the first line names the columns
            writer.do(gzip.end)
            rows = cursor.rowcount
    written = ManifestFile(key=key, kind="csv", rows=rows, bytes=file.bytes, sha256=file.sha256)
    return CsvWritten(written, widest)

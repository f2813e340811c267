"""A table as a compressed CSV file, exactly as PostgreSQL's COPY writes it."""

import zlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from activities.export.background_writer import Behind
from activities.export.limits import Limits
from activities.export.object_file import ObjectFile
from activities.export.progress import Meter
from activities.export.table_reader import select
from domain.export.manifest import ManifestFile
from storage.tenants.catalog import TenantTable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

LEVEL = 6
"""Of compression: gzip's own."""

_BLOCK_BYTES = 512 * 1024
_GZIP = 31  # zlib's way to say: with gzip's head, in which it leaves the time at zero


@dataclass(frozen=True, slots=True)
class CsvWritten:
    """A CSV file, and what the next reader of the same rows wants to know."""

    file: ManifestFile
    widest_row: int
    """In bytes, as CSV."""


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
    schema: str,
    table: TenantTable,
    store: "ObjectStore",
    prefix: str,
    key: str,
    *,
    meter: Meter,
    limits: Limits,
) -> CsvWritten:
    """Write a table's rows, all into one file. Raises Stopped, and what database and store raise."""
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER, ENCODING 'UTF8')").format(select(table, schema))
    waiting: list[memoryview] = []
    size = widest = 0
    with ObjectFile(store, prefix + key, limits.part_bytes_for(table.bytes)) as file:
        gzip = _Gzip(file)
        with Behind() as behind, connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for row in copy:
                    waiting.append(memoryview(row))
                    size += (length := len(row))
                    widest = max(widest, length)
                    if size >= _BLOCK_BYTES:
                        behind.do(partial(gzip.write, b"".join(waiting)))
                        meter.count(len(waiting))
                        waiting, size = [], 0
            behind.do(partial(gzip.write, b"".join(waiting)))
            meter.count(len(waiting) - 1)  # the first line names the columns
            behind.do(gzip.end)
            rows = cursor.rowcount
    written = ManifestFile(key=key, kind="csv", rows=rows, bytes=file.bytes, sha256=file.sha256)
    return CsvWritten(written, widest)

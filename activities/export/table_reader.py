"""The reader of a table: twice from one snapshot, each time in the same order, every value as PostgreSQL prints it."""

from collections.abc import Generator, Iterator, Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.string import TextLoader

from storage.tenants.catalog import TenantTable

Row = tuple[str | None, ...]

# The form of printed values must not depend on an administrator's settings of a role or a database. Scans that begin at
# the position of another one would give the two files of a table different orders.
_SETTINGS = (
    "SET LOCAL client_encoding = 'UTF8'",
    "SET LOCAL datestyle = 'ISO, YMD'",
    "SET LOCAL intervalstyle = 'postgres'",
    "SET LOCAL timezone = 'UTC'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL row_security = off",
    "SET LOCAL synchronize_seqscans = off",
)


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Make the transaction print values as docs/export-format.md says."""
    for setting in _SETTINGS:
        connection.execute(setting.encode())


def batches(
    connection: psycopg.Connection[Any], table: TenantTable, statement: sql.Composed, size: int
) -> Generator[Sequence[Row]]:
    """Read a table by its statement in batches of at most so many rows; none for an empty table."""
    with connection.cursor() as cursor:
        for type_oid in {column.base_type_oid for column in table.columns}:
            cursor.adapters.register_loader(type_oid, TextLoader)
        batch: list[Row] = []
        for row in cursor.stream(statement, size=size):
            batch.append(row)
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch


class Rows:
    """A supply of rows, taken as there is room for them; ``ended`` is known before a vain request."""

    def __init__(self, source: Iterator[Sequence[Row]]) -> None:
        self._source = source
        self._batch: Sequence[Row] = next(source, ())

    @property
    def ended(self) -> bool:
        """True after the last batch."""
        return not self._batch

    def take(self, room: int) -> Sequence[Row]:
        """Return the next rows, at most so many."""
        taken, rest = self._batch[:room], self._batch[room:]
        self._batch = rest or next(self._source, ())
        return taken

"""The copy of one organization's schema to the secure site: dump and manifest of one snapshot, in constant memory."""

import hashlib
from collections.abc import Callable, Container
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from typing import Any, Protocol

import psycopg
from psycopg import sql
from pydantic import BaseModel, ConfigDict

from activities.migration.dependencies import extensions_of, missing_from
from activities.migration.pg_dump import DumpFailed, PgDump
from storage.tenants.catalog import sources_in
from storage.tenants.database import TenantDatabase
from storage.tenants.logins import Tenant

DUMP = "data.dump"
MANIFEST = "manifest.json"
_CHUNK = 1 << 20


class Writer(Protocol):
    """The target of a stream of bytes."""

    def write(self, data: bytes, /) -> object:
        """Write bytes, in order."""


class ProgressWatch(Protocol):
    """A watch that receives the progress of the work, and may end the work."""

    def progress(self, *details: object) -> None:
        """Record what is done, and the number of rows or bytes so far; an exception from here ends the work."""

    def stopped_by(self, stop: Callable[[], object], /) -> AbstractContextManager[None]:
        """Have ``stop`` called, from another thread, if the work is to end while the block runs."""


OpenObject = Callable[[str], AbstractContextManager[Writer]]
"""A function that opens an object by name for writing; the object exists after the block, unless the block fails."""


class TableCount(BaseModel):
    """A table and the number of its rows in the dump."""

    model_config = ConfigDict(frozen=True)

    name: str
    rows: int


class Manifest(BaseModel):
    """The contents of a dump, stored beside it; they show whether a restored copy is complete."""

    model_config = ConfigDict(frozen=True)

    format: str = "offramp migration 1"
    cancellation: str
    attempt: int
    dump: str = DUMP
    dump_format: str = "pg_dump custom"
    pg_dump_version: int
    server_version: int
    schema_name: str
    started_at: datetime
    finished_at: datetime
    bytes: int
    sha256: str
    tables: tuple[TableCount, ...]
    extensions: tuple[str, ...] = ()
    """Extensions that the dump creates; the server that restores it must have them installed."""
    warnings: tuple[str, ...] = ()
    restore: str = f"pg_restore --no-owner --no-privileges --exit-on-error --dbname=EMPTY_DATABASE {DUMP}"

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(table.rows for table in self.tables)


def copy_schema(
    tenants: TenantDatabase,
    tenant: Tenant,
    open_object: OpenObject,
    *,
    reviewed: Container[str] = (),
    program: str,
    cancellation: str,
    attempt: int,
    watch: ProgressWatch,
) -> Manifest:
    """Write dump and manifest of a schema as it is now, the manifest last; rows are counted in the dump's own snapshot.

    ``reviewed`` are digests of code, as for `TenantDatabase.reading`. ``watch`` receives each step and may end the work at any
    moment: neither pg_dump nor an object remains then.

    Raises:
        PgDumpMissing, PgDumpTooOld, DumpDenied, DumpFailed, and what `TenantDatabase.reading` raises.

    """
    schema, started_at = tenant.schema, datetime.now(UTC)
    digest, size = hashlib.sha256(), 0
    with ExitStack() as until_dumping:
        connection = until_dumping.enter_context(
            tenants.reading(tenant, reviewed=reviewed, stopped_by=watch.stopped_by)
        )
        server_version = connection.info.server_version // 10_000
        pg_dump = PgDump(program, server_version=server_version)
        tables = _counted(connection, schema, watch)
        extensions, missing = extensions_of(connection, schema), missing_from(connection, schema)
        snapshot = _exported(connection)
        with (
            open_object(DUMP) as dump,
            pg_dump.running(tenants.login_url(tenant), schema, snapshot=snapshot, extensions=extensions) as running,
            watch.stopped_by(running.stop),
        ):
            while chunk := running.output.read1(_CHUNK):
                # Its first bytes come after it has taken the snapshot and its own locks: ours are no longer needed.
                until_dumping.close()
                digest.update(chunk)
                dump.write(chunk)
                size += len(chunk)
                watch.progress("bytes", size)
    if size == 0:
        raise DumpFailed("pg_dump wrote nothing")
    manifest = Manifest(
        cancellation=cancellation,
        attempt=attempt,
        pg_dump_version=pg_dump.version,
        server_version=server_version,
        schema_name=schema,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        bytes=size,
        sha256=digest.hexdigest(),
        tables=tables,
        extensions=tuple(extensions),
        warnings=tuple(f"not in the dump, because it is of another schema: {thing}" for thing in missing),
    )
    with open_object(MANIFEST) as written:
        written.write(manifest.model_dump_json(indent=2).encode())
    return manifest


def _counted(connection: psycopg.Connection[Any], schema: str, watch: ProgressWatch) -> tuple[TableCount, ...]:
    counts: list[TableCount] = []
    rows = 0
    for table in sources_in(connection, schema):
        found = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table.sql)).fetchone()
        assert found is not None  # noqa: S101 - an aggregate has one row
        counts.append(TableCount(name=table.name, rows=found[0]))
        rows += found[0]
        watch.progress("rows", rows)
    return tuple(counts)


def _exported(connection: psycopg.Connection[Any]) -> str:
    found = connection.execute("SELECT pg_export_snapshot()").fetchone()
    assert found is not None  # noqa: S101 - a function has one value
    return str(found[0])

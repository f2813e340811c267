"""A dump and its manifest: complete, of one snapshot, restorable into an empty database, and stopped when its maker is."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from activities.migration.dump import DUMP, MANIFEST, Manifest, OpenObject, copy_schema
from activities.migration.pg_dump import DumpDenied, DumpFailed, PgDump, PgDumpMissing, PgDumpTooOld
from starter.cli.remedies import operators_text
from storage.tenants.database import TenantDatabase
from storage.tenants.logins import Tenant
from tests.support.doors import Door
from tests.support.processes import ROOT, wait_until
from tests.support.restoring import empty_database_in, everything, restore
from tests.support.servers import pg_program
from tests.support.tenants import PreparedTenants, tenant_of, tenant_settings

SCHEMA = """Contoso "EU" $1.*?"""
TENANT = tenant_of(SCHEMA)


class Place:
    """A secure site of a test's own: objects are there once they are whole."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    @contextmanager
    def open(self, name: str) -> Iterator[io.BytesIO]:
        writer = io.BytesIO()
        yield writer
        self.objects[name] = writer.getvalue()


class Onlooker:
    """Hears of the progress of a copy, and lets a test do something meanwhile."""

    def __init__(self, meanwhile: Callable[[str, int], object] = lambda *_: None) -> None:
        self.progress = meanwhile
        self.stops: list[Callable[[], object]] = []

    @contextmanager
    def stopped_by(self, stop: Callable[[], object]) -> Iterator[None]:
        self.stops.append(stop)
        yield
        self.stops.remove(stop)


def copied(tenants: TenantDatabase, open_object: OpenObject, *, tenant: Tenant = TENANT, **others: Any) -> Manifest:
    given: dict[str, Any] = {
        "program": pg_program("pg_dump"),
        "cancellation": "SUB-1/1",
        "attempt": 1,
        "watch": Onlooker(),
    }
    return copy_schema(tenants, tenant, open_object, **{**given, **others})


@pytest.fixture
def schema(owner: psycopg.Connection[Any]) -> str:
    """A schema with a name that needs quoting, and one of each thing that a copy must bring along."""
    name = sql.Identifier(SCHEMA)
    owner.execute(sql.SQL("CREATE SCHEMA {}").format(name))
    owner.execute(sql.SQL("SET search_path TO {}").format(name))
    for statement in (
        "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
        "CREATE DOMAIN cents AS bigint CHECK (VALUE >= 0)",
        "CREATE SEQUENCE numbers START 1000 INCREMENT 7",
        """CREATE TABLE accounts (id bigint PRIMARY KEY DEFAULT nextval('numbers'), name text NOT NULL, mood mood,
           balance cents, tags text[], extra jsonb, seen timestamptz, span tstzrange, doubled bigint
           GENERATED ALWAYS AS (id * 2) STORED)""",
        """CREATE TABLE "odd ""table"" name" (account bigint REFERENCES accounts ON DELETE CASCADE, note bytea)""",
        "CREATE TABLE events (at date NOT NULL, what text) PARTITION BY RANGE (at)",
        "CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "CREATE TABLE keyless (what text)",
        "CREATE UNIQUE INDEX accounts_name ON accounts (lower(name)) WHERE mood <> 'sad'",
        "CREATE VIEW happy AS SELECT id, name FROM accounts WHERE mood = 'happy'",
        "CREATE MATERIALIZED VIEW totals AS SELECT sum(balance) AS total FROM accounts",
        """INSERT INTO accounts (name, mood, balance, tags, extra, seen, span)
           SELECT 'Ünïcode ' || n, (ARRAY['sad', 'ok', 'happy']::mood[])[1 + n % 3], n * 9007199254740993 / 1000,
           ARRAY['a', NULL, 'tab	and "quote"'], jsonb_build_object('n', n), to_timestamp(n * 86400.000001),
           tstzrange(to_timestamp(n), NULL) FROM generate_series(1, 500) n""",
        """INSERT INTO "odd ""table"" name" SELECT id, decode(repeat('00ff0d0a', 10000), 'hex') FROM accounts LIMIT 7""",
        "INSERT INTO events SELECT date '2026-01-01' + n, E'line\\nbreak' FROM generate_series(0, 99) n",
        "INSERT INTO keyless VALUES ('twice'), ('twice'), (NULL)",
        "REFRESH MATERIALIZED VIEW totals",
    ):
        owner.execute(statement)
    owner.execute("RESET search_path")
    return SCHEMA


@pytest.fixture
def empty_database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database, in which nothing is prepared."""
    with empty_database_in(postgres_url) as url:
        yield url


def test_a_dump_restored_into_an_empty_database_has_every_row_and_all_that_the_tables_are_made_of(
    tenants: TenantDatabase, schema: str, tenant_database_url: str, empty_database: str, tmp_path: Path
) -> None:
    place = Place()
    manifest = copied(tenants, place.open)

    restore(place.objects[DUMP], empty_database, tmp_path)

    before = everything(tenant_database_url, schema)
    assert everything(empty_database, schema) == before
    assert len(before["accounts"]) == 500
    assert {table.name: table.rows for table in manifest.tables} == {
        "accounts": 500, "events": 100, "keyless": 3, 'odd "table" name': 7,
    }  # fmt: skip
    assert (manifest.bytes, manifest.sha256) == (len(place.objects[DUMP]), sha256(place.objects[DUMP]).hexdigest())
    assert json.loads(place.objects[MANIFEST]) == manifest.model_dump(mode="json")


def test_rows_that_are_written_while_the_dump_runs_are_in_neither_the_counts_nor_the_dump(
    tenants: TenantDatabase, schema: str, owner: psycopg.Connection[Any], empty_database: str, tmp_path: Path
) -> None:
    place = Place()
    written: list[int] = []

    def somebody_writes(what: str, so_far: int) -> None:
        if what == "rows" and not written:
            written.append(so_far)
            owner.execute(sql.SQL("INSERT INTO {} VALUES ('late')").format(sql.Identifier(schema, "keyless")))

    manifest = copied(tenants, place.open, watch=Onlooker(somebody_writes))
    restore(place.objects[DUMP], empty_database, tmp_path)

    assert written
    assert {table.name: table.rows for table in manifest.tables}["keyless"] == 3
    assert len(everything(empty_database, schema)["keyless"]) == 3


def test_an_extension_that_the_schema_uses_comes_along_and_what_is_of_another_schema_is_warned_of(
    tenants: TenantDatabase, schema: str, owner: psycopg.Connection[Any]
) -> None:
    owner.execute("CREATE TYPE public.elsewhere AS ENUM ('x')")
    table = sql.Identifier(schema, "borrowing")
    owner.execute(sql.SQL("CREATE TABLE {} (kind public.elsewhere[])").format(table))

    manifest = copied(tenants, Place().open)

    assert manifest.extensions == ()
    assert any("public.elsewhere" in warning for warning in manifest.warnings)


def test_what_the_login_may_not_copy_is_refused_by_name_and_nothing_is_left(
    tenants: PreparedTenants, schema: str, owner: psycopg.Connection[Any], tenant_database_url: str
) -> None:
    """A sequence's state is not among what `reading` checks: pg_dump finds out."""
    tenants.prepared(schema)
    owner.execute(sql.SQL("ALTER SEQUENCE {} OWNER TO CURRENT_USER").format(sql.Identifier(schema, "numbers")))
    place = Place()

    with pytest.raises(DumpDenied, match="lack SELECT privilege on the sequence"):
        copied(TenantDatabase(tenant_settings(tenant_database_url)), place.open)

    assert place.objects == {}


def test_a_connection_that_breaks_in_the_middle_leaves_nothing(
    tenants: TenantDatabase, schema: str, owner: psycopg.Connection[Any]
) -> None:
    place = Place()
    table = sql.Identifier(schema, "keyless")
    owner.execute(sql.SQL("INSERT INTO {} SELECT md5(n::text) FROM generate_series(1, 300000) n").format(table))
    ended: list[int] = []

    def somebody_ends_it(what: str, _: int) -> None:
        if what == "bytes" and not ended:
            ends = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'offramp migration'"
            ended.extend(owner.execute(ends).fetchone() or ())

    with pytest.raises(DumpFailed):
        copied(tenants, place.open, watch=Onlooker(somebody_ends_it))

    assert ended == [1]
    assert place.objects == {}


def test_a_server_that_is_gone_in_the_middle_is_said_to_be_gone(
    schema: str, owner: psycopg.Connection[Any], tenant_database_url: str
) -> None:
    table = sql.Identifier(schema, "keyless")
    owner.execute(sql.SQL("INSERT INTO {} SELECT md5(n::text) FROM generate_series(1, 100000) n").format(table))
    place = Place()
    with Door(tenant_database_url) as door:
        behind = PreparedTenants(tenant_settings(door.url))
        # With its first bytes the dump is on its own: the connection that lent it a snapshot is closed by then.
        onlooker = Onlooker(lambda what, _: door.shut() if what == "bytes" else None)
        with pytest.raises(DumpFailed, match="broke off the connection"):
            copied(behind, place.open, watch=onlooker)
    assert place.objects == {}


def test_a_copy_that_is_stopped_leaves_neither_the_program_nor_an_object(
    tenants: TenantDatabase, schema: str, owner: psycopg.Connection[Any]
) -> None:
    place = Place()
    table = sql.Identifier(schema, "keyless")
    owner.execute(sql.SQL("INSERT INTO {} SELECT md5(n::text) FROM generate_series(1, 300000) n").format(table))

    def somebody_stops_it(what: str, _: int) -> None:
        if what == "bytes":
            for stop in onlooker.stops:
                stop()

    onlooker = Onlooker(somebody_stops_it)
    with pytest.raises(DumpFailed):
        copied(tenants, place.open, watch=onlooker)

    assert place.objects == {}
    at_work = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'offramp migration'"
    wait_until(lambda: owner.execute(at_work).fetchone() == (0,), "nobody dumps any more")


def test_a_program_that_is_missing_or_older_than_the_server_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(PgDumpMissing) as refused:
        PgDump("no-such-program", server_version=18)
    assert "no-such-program" in operators_text(refused.value)
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.4 (Debian 15.4-1)'\n")
    old.chmod(0o755)
    assert PgDump(str(old), server_version=15).version == 15
    with pytest.raises(PgDumpTooOld, match=r"of version 15.*of version 18"):
        PgDump(str(old), server_version=18)


def test_settings_of_libpq_count_for_the_program_too_and_our_secrets_stay_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    program = tmp_path / "pg_dump"
    program.write_text(f"#!/bin/sh\n[ \"$1\" = --version ] && echo 'pg_dump (PostgreSQL) 18.0' || env > '{seen}'\n")
    program.chmod(0o755)
    for name in (
        "PGSSLMODE",
        "PGSSLROOTCERT",
        "PGCHANNELBINDING",
        "PGPASSFILE",
        "PGOPTIONS",
        "PGSERVICE",
        "OFFRAMP_LINK_SECRET",
    ):
        monkeypatch.setenv(name, "verify-full")
    url = make_url("postgresql://login:pw@db.example/tenants")
    with PgDump(str(program), server_version=18).running(url, "crm", snapshot="x", extensions=[]) as running:
        running.output.read()
    environment = dict(line.partition("=")[::2] for line in seen.read_text().splitlines())
    passed_on = {name for name, value in environment.items() if value == "verify-full"}
    assert passed_on == {"PGSSLMODE", "PGSSLROOTCERT", "PGCHANNELBINDING"}
    assert environment["PGPASSWORD"] == "pw"


def test_the_program_dies_with_a_caller_that_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    lifeline = ROOT / "activities" / "migration" / "lifeline.py"
    lasting = f"import os, pathlib, time; pathlib.Path({str(note)!r}).write_text(str(os.getpid())); time.sleep(600)"
    caller = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-I", {str(lifeline)!r}, sys.executable, "-c", {lasting!r}], stdin=subprocess.PIPE)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", caller], stdin=subprocess.PIPE) as process:
        wait_until(lambda: note.exists() and bool(note.read_text()), "the program runs")
        pid = int(note.read_text())
        process.send_signal(signal.SIGKILL)
    wait_until(lambda: not _runs(pid), "the program is gone")


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

"""Erasing an organization's schema: everything in it by name and with its counts, nothing outside it, and again after any death."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from storage.tenants.catalog import exists, tables_of
from storage.tenants.database import TenantDatabase
from storage.tenants.erasure import ErasedStep, erase_step
from storage.tenants.refusals import TenantSchemaBusy, TenantSchemaNeededElsewhere, TenantSchemaNotWritable
from storage.tenants.sample import generate
from tests.storage.tenants.schemas_to_erase import HARD, OUTSIDE
from tests.support.processes import ROOT
from tests.support.servers import open_directory
from tests.support.tenants import Everything, PreparedTenants, tenant_environment, tenant_of, tenant_settings

Owner = psycopg.Connection[Any]


def make(owner: Owner, *statements: str) -> None:
    owner.execute("CREATE SCHEMA IF NOT EXISTS crm")
    owner.execute("SET search_path = crm")
    for statement in statements:
        owner.execute(statement)


def erase(tenants: TenantDatabase, schema: str = "crm") -> list[ErasedStep]:
    """Erase to the end, each step in a transaction of its own."""
    steps = []
    with tenants.erasing(tenant_of(schema), reviewed=Everything()) as connection:
        while step := erase_step(connection, schema):
            steps.append(step)
            assert len(steps) < 1_000
    return steps


def fill(owner: Owner, schema: str, rows: int) -> None:
    generate(owner, tenant_of(schema), "x", rows=rows)


def counts(steps: list[ErasedStep]) -> dict[str, int | None]:
    return {step.name: step.rows for step in steps if step.kind in ("table", "partition")}


def names(steps: list[ErasedStep]) -> list[tuple[str, str]]:
    return [(step.kind, step.name) for step in steps]


@pytest.fixture
def impatient(tenants: PreparedTenants) -> PreparedTenants:
    tenants.lock_seconds = 0.1
    return tenants


def test_a_whole_schema_goes_with_the_rows_of_every_table_counted(tenants: PreparedTenants, owner: Owner) -> None:
    schema = """Bob's "CRM" 2026"""
    fill(owner, schema, 2_000)
    expected = {}
    for table in tables_of(owner, schema):
        row = owner.execute(sql.SQL("SELECT count(*) FROM {}").format(table.source(schema))).fetchone()
        assert row
        expected[table.name] = row[0]
    steps = erase(tenants, schema)
    erased = counts(steps)
    assert erased.pop("activities") == 0, "its rows are those of its partitions"
    partitions = [erased.pop(f"activities_{year}") for year in ("2024", "2025", "later")]
    assert sum(rows or 0 for rows in partitions) == expected.pop("activities")
    assert erased == expected
    assert steps[-1] == ErasedStep("schema", schema)
    assert len({(step.kind, step.name) for step in steps}) == len(steps)
    assert sum(step.bytes or 0 for step in steps) > 500_000
    assert not exists(owner, schema)
    kinds = {step.kind for step in steps}
    assert kinds == {"foreign key", "view", "materialized view", "table", "partition", "sequence", "function", "type", "schema"}  # fmt: skip


def test_erasing_what_is_gone_does_nothing(tenants: PreparedTenants, owner: Owner) -> None:
    make(owner, "CREATE TABLE t (n int)")
    assert names(erase(tenants)) == [("table", "t"), ("schema", "crm")]
    assert erase(tenants) == []


def test_other_schemas_stay_as_they_are(tenants: PreparedTenants, owner: Owner) -> None:
    fill(owner, "kept", 50)
    fill(owner, "crm", 50)
    before = owner.execute("SELECT count(*) FROM pg_depend").fetchone()
    fill(owner, "third", 50)
    erase(tenants, "third")
    assert owner.execute("SELECT count(*) FROM pg_depend").fetchone() == before
    erase(tenants)
    assert len(tables_of(owner, "kept")) == 8


@pytest.mark.parametrize("what", HARD)
def test_a_schema_can_be_erased_that_holds(tenants: PreparedTenants, owner: Owner, what: str) -> None:
    make(owner, *HARD[what])
    every = {
        row[0]: row[1]
        for table in tables_of(owner, "crm")
        for row in owner.execute(
            sql.SQL("SELECT {}, count(*) FROM {}").format(sql.Literal(table.name), table.source("crm"))
            if table.kind == "table"
            else "SELECT 'x', 0 WHERE false"
        )
    }
    erased = counts(erase(tenants))
    assert {name: erased[name] for name in every} == every
    assert not exists(owner, "crm")


@pytest.mark.parametrize("what", OUTSIDE)
def test_what_somebody_else_needs_is_not_erased_and_named(tenants: PreparedTenants, owner: Owner, what: str) -> None:
    make(
        owner,
        "CREATE SCHEMA others",
        "CREATE TYPE mood AS ENUM ('calm')",
        "CREATE TABLE t (n int PRIMARY KEY)",
        "INSERT INTO t VALUES (1)",
        "CREATE TABLE p (n int) PARTITION BY LIST (n)",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1",
        "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE FUNCTION noted_too() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
    )
    statement, named = OUTSIDE[what]
    owner.execute(statement)
    with pytest.raises(TenantSchemaNeededElsewhere) as refused:
        erase(tenants)
    assert named in refused.value.message
    assert owner.execute("SELECT count(*) FROM crm.t").fetchone() == (1,), "nothing was erased before it was found"
    owner.execute("DROP EVENT TRIGGER IF EXISTS ev")
    owner.execute("DROP SCHEMA others CASCADE")
    assert erase(tenants)[-1].kind == "schema"


def test_an_extension_goes_with_what_it_has_brought_along(tenants: PreparedTenants, owner: Owner) -> None:
    with open_directory() as directory:
        directory.chmod(0o755)
        files = directory / "extension"
        files.mkdir(mode=0o755)
        (files / "brought.control").write_text("default_version = '1'\nrelocatable = false\ntrusted = true\n")
        (files / "brought--1.sql").write_text("CREATE FUNCTION f(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1;")
        owner.execute(sql.SQL("SET extension_control_path = {}").format(sql.Literal(str(directory))))
        make(owner)
        tenants.prepared("crm")
        role = sql.Identifier(f"offramp_owner_{tenant_of('crm').organization}")
        owner.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(sql.Identifier(owner.info.dbname), role))
        owner.execute(sql.SQL("SET ROLE {}").format(role))
        make(owner, "CREATE EXTENSION brought SCHEMA crm", "CREATE TABLE t (n int CHECK (f(n) > 0))")
        owner.execute("RESET ROLE")
        assert names(erase(tenants)) == [("table", "t"), ("extension", "brought"), ("schema", "crm")]


def test_a_table_that_is_being_read_waits_and_is_named(impatient: PreparedTenants, owner: Owner) -> None:
    make(owner, "CREATE TABLE a (n int)", "CREATE TABLE b (n int)")
    impatient.prepared("crm")
    with owner.transaction():
        owner.execute("SELECT * FROM b")
        with pytest.raises(TenantSchemaBusy, match=r'^Table "b" of schema "crm" is being used'):
            erase(impatient)
        assert [table.name for table in tables_of(owner, "crm")] == ["b"], "what nobody holds has gone"
    assert names(erase(impatient)) == [("table", "b"), ("schema", "crm")]


def test_an_export_under_way_is_not_disturbed(impatient: PreparedTenants, owner: Owner) -> None:
    fill(owner, "crm", 100)
    with impatient.reading("crm") as connection:
        with pytest.raises(TenantSchemaBusy):
            erase(impatient)
        assert connection.execute("SELECT count(*) FROM crm.activities").fetchone() == (100,)


def test_a_thing_that_is_not_the_organizations_is_refused_by_name(
    tenants: PreparedTenants, owner: Owner, tenant_database_url: str
) -> None:
    make(owner, "CREATE TABLE t (n int)")
    tenants.prepared("crm")
    owner.execute("CREATE TABLE crm.ours (n int)")
    with pytest.raises(TenantSchemaNotWritable, match=r'schema "crm": (permission denied|must be owner)'):
        erase(TenantDatabase(tenant_settings(tenant_database_url)))
    assert erase(tenants)[-1].kind == "schema"


def test_what_the_caller_takes_back_is_not_gone(tenants: PreparedTenants, owner: Owner) -> None:
    make(owner, "CREATE TABLE t (n int)", "INSERT INTO t VALUES (1)")
    with tenants.erasing(tenant_of("crm"), reviewed=Everything()) as connection:
        with connection.transaction(force_rollback=True):
            assert erase_step(connection, "crm") == ErasedStep("table", "t", rows=1, bytes=8192)
        assert erase_step(connection, "crm") == ErasedStep("table", "t", rows=1, bytes=8192)


ERASER = """
import sys
from storage.tenants.database import TenantDatabase
from storage.tenants.erasure import erase_step
from storage.tenants.settings import TenantDatabaseSettings
from tests.support.tenants import tenant_of
with TenantDatabase(TenantDatabaseSettings()).erasing(tenant_of("crm")) as connection:
    while True:
        with connection.transaction():
            step = erase_step(connection, "crm")
            print(step.kind, step.name, flush=True)
            sys.stdin.readline()
"""


@pytest.fixture
def tables(tenants: PreparedTenants, owner: Owner) -> None:
    make(owner, *[f"CREATE TABLE t{n} AS SELECT generate_series(1, {n}) AS n" for n in range(1, 6)])
    tenants.prepared("crm")


@pytest.fixture
def eraser(tables: None, tenant_database_url: str) -> Iterator[subprocess.Popen[str]]:
    """A process that erases one thing for each line it gets, and holds it in an open transaction until then."""
    with subprocess.Popen(
        [sys.executable, "-c", ERASER],
        env={**os.environ, "PYTHONPATH": str(ROOT), **tenant_environment(tenant_database_url)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def test_killed_in_the_middle_of_a_step_another_goes_on_where_the_data_says(
    eraser: subprocess.Popen[str], tenants: PreparedTenants
) -> None:
    assert eraser.stdin
    assert eraser.stdout
    for table in ("t1", "t2", "t3"):
        assert eraser.stdout.readline() == f"table {table}\n"
        if table != "t3":
            eraser.stdin.write("\n")
            eraser.stdin.flush()
    eraser.send_signal(signal.SIGKILL)
    assert names(erase(tenants)) == [("table", "t3"), ("table", "t4"), ("table", "t5"), ("schema", "crm")]


def test_no_words_stay_in_the_settings_of_the_logins_roles(
    owner: Owner, tenants: PreparedTenants, tenant_database_url: str
) -> None:
    owner.execute("CREATE ROLE crm_app LOGIN")
    owner.execute("CREATE SCHEMA crm AUTHORIZATION crm_app")
    tenant = tenant_of("crm")
    tenants.prepared(tenant)
    with TenantDatabase(tenant_settings(tenant_database_url)).erasing(tenant) as connection:
        for statement in (
            "ALTER ROLE CURRENT_USER SET search_path = 'Ada'",
            "ALTER ROLE CURRENT_USER IN DATABASE postgres SET search_path = 'Ada'",
            "SET ROLE crm_app; ALTER ROLE CURRENT_USER SET search_path = 'Ada'; RESET ROLE",
        ):
            connection.execute(statement.encode())
        while erase_step(connection, "crm") is not None:
            pass
    left = owner.execute("SELECT setconfig FROM pg_db_role_setting WHERE setconfig::text LIKE '%Ada%'").fetchall()
    assert left == []
    owner.execute("DROP ROLE crm_app")

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
from storage.tenants.database import TenantDatabase, TenantDatabaseSettings
from storage.tenants.erasure import ErasedStep, erase_step
from storage.tenants.refusals import TenantSchemaBusy, TenantSchemaNeededElsewhere, TenantSchemaNotWritable
from storage.tenants.sample import generate
from tests.support.processes import ROOT
from tests.support.servers import open_directory

Owner = psycopg.Connection[Any]


def make(owner: Owner, *statements: str) -> None:
    owner.execute("CREATE SCHEMA IF NOT EXISTS crm")
    owner.execute("SET search_path = crm")
    for statement in statements:
        owner.execute(statement)


def erase(tenants: TenantDatabase, schema: str = "crm") -> list[ErasedStep]:
    """Erase to the end, each step in a transaction of its own."""
    steps = []
    with tenants.writing() as connection:
        while step := erase_step(connection, schema):
            steps.append(step)
            assert len(steps) < 1_000
    return steps


def counts(steps: list[ErasedStep]) -> dict[str, int | None]:
    return {step.name: step.rows for step in steps if step.kind in ("table", "partition")}


def names(steps: list[ErasedStep]) -> list[tuple[str, str]]:
    return [(step.kind, step.name) for step in steps]


@pytest.fixture
def impatient(tenants: TenantDatabase) -> TenantDatabase:
    tenants.lock_seconds = 0.1
    return tenants


def test_a_whole_schema_goes_with_the_rows_of_every_table_counted(tenants: TenantDatabase, owner: Owner) -> None:
    schema = """Bob's "CRM" 2026"""
    generate(owner, schema, rows=2_000)
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


def test_erasing_what_is_gone_does_nothing(tenants: TenantDatabase, owner: Owner) -> None:
    make(owner, "CREATE TABLE t (n int)")
    assert names(erase(tenants)) == [("table", "t"), ("schema", "crm")]
    assert erase(tenants) == []


def test_other_schemas_stay_as_they_are(tenants: TenantDatabase, owner: Owner) -> None:
    generate(owner, "kept", rows=50)
    generate(owner, "crm", rows=50)
    before = owner.execute("SELECT count(*) FROM pg_depend").fetchone()
    generate(owner, "third", rows=50)
    erase(tenants, "third")
    assert owner.execute("SELECT count(*) FROM pg_depend").fetchone() == before
    erase(tenants)
    assert len(tables_of(owner, "kept")) == 8


HARD: dict[str, list[str]] = {
    "tables that refer to one another in a circle": [
        "CREATE TABLE a (id int PRIMARY KEY, b int)",
        "CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a)",
        "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b",
        "ALTER TABLE a ADD up int REFERENCES a",
    ],
    "tables that inherit": [
        "CREATE TABLE a (id int)",
        "CREATE TABLE aa () INHERITS (a)",
        "CREATE TABLE aaa (n int) INHERITS (aa)",
        "INSERT INTO aaa VALUES (1, 2)",
    ],
    "partitions of partitions with foreign keys, in both directions": [
        "CREATE TABLE r (id int PRIMARY KEY)",
        "CREATE TABLE p (id int, k int, r int REFERENCES r, PRIMARY KEY (id, k)) PARTITION BY LIST (k)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) PARTITION BY RANGE (id)",
        "CREATE TABLE p11 PARTITION OF p1 DEFAULT",
        "CREATE TABLE q (id int, k int, FOREIGN KEY (id, k) REFERENCES p)",
        "CREATE INDEX ON p (r)",
    ],
    "functions that take rows, and tables whose defaults, checks and indexes call functions": [
        "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1 + 1",
        "CREATE TABLE t (n int DEFAULT f(1) CHECK (f(n) > 0), g int GENERATED ALWAYS AS (f(n)) STORED)",
        "CREATE INDEX ON t (f(n))",
        "CREATE FUNCTION of_t(t) RETURNS SETOF t LANGUAGE sql BEGIN ATOMIC SELECT * FROM t; END",
        "CREATE TABLE holds_t (row_of_t t)",
        "CREATE PROCEDURE p() LANGUAGE sql AS ''",
        "CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int)",
        "CREATE AGGREGATE every_row(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0')",
    ],
    "a circle of a function and a view, and one of a function and a table": [
        "CREATE TABLE t (n int)",
        "INSERT INTO t VALUES (1), (2)",
        "CREATE VIEW v AS SELECT 1 AS n",
        "CREATE FUNCTION of_v() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT max(n) FROM v; END",
        "CREATE OR REPLACE VIEW v AS SELECT of_v() AS n FROM t",
        "CREATE FUNCTION of_t() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT max(n) FROM t; END",
        "ALTER TABLE t ALTER n SET DEFAULT of_t()",
    ],
    "tables in whose columns rows of one another stand": [
        "CREATE TABLE a (n int)",
        "CREATE TABLE b (a a, n int)",
        "CREATE TABLE c (bs b[])",
        "INSERT INTO a VALUES (1)",
        "INSERT INTO b SELECT a, 2 FROM a",
        "INSERT INTO c SELECT ARRAY[b, b] FROM b",
    ],
    "every kind of type, and tables of a type": [
        "CREATE TYPE e AS ENUM ('x')",
        "CREATE TYPE c AS (e e, n int)",
        "CREATE DOMAIN d AS c[]",
        "CREATE TYPE r AS RANGE (subtype = float8)",
        "CREATE TABLE t OF c",
        "CREATE TABLE u (d d, r r[], e e DEFAULT 'x')",
        "CREATE CAST (e AS c) WITH INOUT",
    ],
    "views upon views, rules, triggers, policies and statistics": [
        "CREATE TABLE t (a int, b int)",
        "CREATE VIEW v AS SELECT * FROM t",
        "CREATE MATERIALIZED VIEW m AS SELECT * FROM v",
        "CREATE UNIQUE INDEX ON m (a)",
        "CREATE VIEW w AS SELECT * FROM m",
        "CREATE RULE r AS ON DELETE TO v DO INSTEAD NOTHING",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE POLICY p ON t USING (EXISTS (SELECT FROM w))",
        "CREATE STATISTICS s ON a, b FROM t",
    ],
    "operators, collations and text search": [
        "CREATE FUNCTION same(int, text) RETURNS boolean LANGUAGE sql RETURN $1::text = $2",
        "CREATE OPERATOR === (FUNCTION = same, LEFTARG = int, RIGHTARG = text)",
        "CREATE FUNCTION minus(int) RETURNS int LANGUAGE sql RETURN -$1",
        "CREATE OPERATOR !! (FUNCTION = minus, RIGHTARG = int)",
        "CREATE OPERATOR FAMILY fam USING btree",
        "CREATE OPERATOR CLASS cls FOR TYPE int USING btree FAMILY fam AS OPERATOR 1 <, FUNCTION 1 btint4cmp(int, int)",
        "CREATE COLLATION col (provider = builtin, locale = 'C.UTF-8')",
        "CREATE TABLE t (name text COLLATE col, n int)",
        "CREATE INDEX ON t (n cls)",
        "CREATE TEXT SEARCH DICTIONARY dict (TEMPLATE = pg_catalog.simple)",
        "CREATE TEXT SEARCH CONFIGURATION conf (COPY = pg_catalog.simple)",
        "ALTER TEXT SEARCH CONFIGURATION conf ALTER MAPPING FOR word WITH dict",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA crm GRANT SELECT ON TABLES TO offramp_tenant_reader",
    ],
    "names that have to be quoted": [
        """CREATE TABLE "a""b 'c' %s {} ; --" ("x y" int PRIMARY KEY)""",
        """CREATE TABLE "ÄÖ" (n int CONSTRAINT "a.b" REFERENCES "a""b 'c' %s {} ; --")""",
        """CREATE FUNCTION "f ""(int)"(int) RETURNS int LANGUAGE sql RETURN 1""",
        """CREATE TYPE "%(schema)s" AS ENUM ('%')""",
        'CREATE SEQUENCE "S S"',
    ],
    "tables whose policies bind their owner too": [
        "CREATE TABLE t (n int)",
        "INSERT INTO t VALUES (1), (2)",
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE t FORCE ROW LEVEL SECURITY",
    ],
    "a table without columns, an unlogged one, and one that is published": [
        "CREATE TABLE t ()",
        "INSERT INTO t DEFAULT VALUES",
        "CREATE UNLOGGED TABLE u (n serial)",
        "CREATE TABLE w (n int PRIMARY KEY)",
        "CREATE PUBLICATION published FOR TABLE w",
    ],
    "foreign tables": [
        "CREATE FOREIGN DATA WRAPPER nothing",
        "CREATE SERVER far FOREIGN DATA WRAPPER nothing",
        "CREATE TABLE p (n int) PARTITION BY LIST (n)",
        "CREATE FOREIGN TABLE p1 PARTITION OF p DEFAULT SERVER far",
        "CREATE FOREIGN TABLE f (n int) SERVER far",
    ],
}


@pytest.mark.parametrize("what", HARD)
def test_a_schema_can_be_erased_that_holds(tenants: TenantDatabase, owner: Owner, what: str) -> None:
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


OUTSIDE: dict[str, tuple[str, str]] = {
    "a view": ("CREATE VIEW others.v AS SELECT * FROM crm.t", "view others.v"),
    "a foreign key": ("CREATE TABLE others.u (n int REFERENCES crm.t)", "table others.u"),
    "a column": ("CREATE TABLE others.u (m crm.mood)", "column m of table others.u"),
    "a default": ("CREATE TABLE others.u (n int DEFAULT crm.f())", "default value for column n of table others.u"),
    "a partition": ("CREATE TABLE others.u PARTITION OF crm.p DEFAULT", "table others.u"),
    "a table that inherits": ("CREATE TABLE others.u () INHERITS (crm.t)", "table others.u"),
    "a function": (
        "CREATE FUNCTION others.g(crm.mood) RETURNS int LANGUAGE sql RETURN 1",
        "function others.g(crm.mood)",
    ),
    "a trigger": (
        "CREATE TABLE others.u (n int); CREATE TRIGGER tr AFTER INSERT ON others.u EXECUTE FUNCTION crm.noted()",
        "trigger tr on table others.u",
    ),
    "an event trigger": (
        "CREATE EVENT TRIGGER ev ON ddl_command_end WHEN tag IN ('CREATE CAST') EXECUTE FUNCTION crm.noted_too()",
        "event trigger ev",
    ),
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_what_somebody_else_needs_is_not_erased_and_named(tenants: TenantDatabase, owner: Owner, what: str) -> None:
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


def test_an_extension_goes_with_what_it_has_brought_along(tenants: TenantDatabase, owner: Owner) -> None:
    with open_directory() as directory:
        directory.chmod(0o755)
        files = directory / "extension"
        files.mkdir(mode=0o755)
        (files / "brought.control").write_text("default_version = '1'\nrelocatable = false\n")
        (files / "brought--1.sql").write_text("CREATE FUNCTION f(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1;")
        owner.execute(sql.SQL("SET extension_control_path = {}").format(sql.Literal(str(directory))))
        make(owner, "CREATE EXTENSION brought SCHEMA crm", "CREATE TABLE t (n int CHECK (f(n) > 0))")
        assert names(erase(tenants)) == [("table", "t"), ("extension", "brought"), ("schema", "crm")]


def test_a_table_that_is_being_read_waits_and_is_named(impatient: TenantDatabase, owner: Owner) -> None:
    make(owner, "CREATE TABLE a (n int)", "CREATE TABLE b (n int)")
    with owner.transaction():
        owner.execute("SELECT * FROM b")
        with pytest.raises(TenantSchemaBusy, match=r'^Table "b" of schema "crm" is being used'):
            erase(impatient)
        assert [table.name for table in tables_of(owner, "crm")] == ["b"], "what nobody holds has gone"
    assert names(erase(impatient)) == [("table", "b"), ("schema", "crm")]


def test_an_export_under_way_is_not_disturbed(impatient: TenantDatabase, owner: Owner) -> None:
    generate(owner, "crm", rows=100)
    with impatient.reading("crm") as connection:
        with pytest.raises(TenantSchemaBusy):
            erase(impatient)
        assert connection.execute("SELECT count(*) FROM crm.activities").fetchone() == (100,)


def test_a_user_who_does_not_own_the_data_is_refused_by_name(owner: Owner, tenant_database_url: str) -> None:
    make(owner, "CREATE TABLE t (n int)")
    owner.execute("CREATE ROLE guest LOGIN PASSWORD 'x'")
    owner.execute("GRANT USAGE ON SCHEMA crm TO guest")
    address = tenant_database_url.rpartition("@")[2]
    guest = TenantDatabase(TenantDatabaseSettings(tenant_database_url=f"postgresql://guest:x@{address}"))
    with pytest.raises(TenantSchemaNotWritable, match=r'schema "crm": (permission denied|must be owner)'):
        erase(guest)
    owner.execute("DROP OWNED BY guest")
    owner.execute("DROP ROLE guest")


def test_what_the_caller_takes_back_is_not_gone(tenants: TenantDatabase, owner: Owner) -> None:
    make(owner, "CREATE TABLE t (n int)", "INSERT INTO t VALUES (1)")
    with tenants.writing() as connection:
        with connection.transaction(force_rollback=True):
            assert erase_step(connection, "crm") == ErasedStep("table", "t", rows=1, bytes=8192)
        assert erase_step(connection, "crm") == ErasedStep("table", "t", rows=1, bytes=8192)


ERASER = """
import sys
from storage.tenants.database import TenantDatabase, TenantDatabaseSettings
from storage.tenants.erasure import erase_step
with TenantDatabase(TenantDatabaseSettings()).writing() as connection:
    while True:
        with connection.transaction():
            step = erase_step(connection, "crm")
            print(step.kind, step.name, flush=True)
            sys.stdin.readline()
"""


@pytest.fixture
def eraser(tenant_database_url: str) -> Iterator[subprocess.Popen[str]]:
    """A process that erases one thing for each line it gets, and holds it in an open transaction until then."""
    with subprocess.Popen(
        [sys.executable, "-c", ERASER],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OFFRAMP_TENANT_DATABASE_URL": tenant_database_url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def test_killed_in_the_middle_of_a_step_another_goes_on_where_the_data_says(
    eraser: subprocess.Popen[str], tenants: TenantDatabase, owner: Owner
) -> None:
    make(owner, *[f"CREATE TABLE t{n} AS SELECT generate_series(1, {n}) AS n" for n in range(1, 6)])
    assert eraser.stdin
    assert eraser.stdout
    for table in ("t1", "t2", "t3"):
        assert eraser.stdout.readline() == f"table {table}\n"
        if table != "t3":
            eraser.stdin.write("\n")
            eraser.stdin.flush()
    eraser.send_signal(signal.SIGKILL)
    assert names(erase(tenants)) == [("table", "t3"), ("table", "t4"), ("table", "t5"), ("schema", "crm")]

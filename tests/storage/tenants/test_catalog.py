"""The catalog of a schema: every row is in exactly one table, and every column has its type down to the base."""

from typing import Any

import psycopg
import pytest
from psycopg import sql

from storage.tenants.catalog import LeftOut, TenantColumn, TenantTable, left_out_of, tables_of
from tests.support.tenants import PreparedTenants

Owner = psycopg.Connection[Any]

SCHEMA = """Bob's "data" 2026"""


def make(owner: Owner, *statements: str) -> None:
    place = sql.Identifier(SCHEMA)
    owner.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(place))
    owner.execute(sql.SQL("SET search_path = {}").format(place))
    for statement in statements:
        owner.execute(statement)


def by_name(owner: Owner) -> dict[str, TenantTable]:
    return {table.name: table for table in tables_of(owner, SCHEMA)}


def columns_of(owner: Owner, table: str) -> dict[str, TenantColumn]:
    return {column.name: column for column in by_name(owner)[table].columns}


def rows_in(owner: Owner, table: TenantTable) -> int:
    row = owner.execute(sql.SQL("SELECT count(*) FROM {}").format(table.source(SCHEMA))).fetchone()
    assert row
    return int(row[0])


def test_a_schema_that_does_not_exist_or_holds_nothing_has_no_tables(owner: Owner) -> None:
    assert tables_of(owner, SCHEMA) == []
    make(owner)
    assert tables_of(owner, SCHEMA) == []


def test_tables_come_by_name_whatever_their_names_hold(owner: Owner) -> None:
    names = ["Äußerungen", "b; DROP TABLE x", 'Bob\'s "Äußerungen" 2026', "select", "%s {} %(a)s", "z" * 63]
    make(owner)
    for name in names:
        owner.execute(sql.SQL("CREATE TABLE {} (id int)").format(sql.Identifier(name)))
    found = tables_of(owner, SCHEMA)
    assert [table.name for table in found] == sorted(names, key=lambda name: name.encode())
    assert all(rows_in(owner, table) == 0 for table in found)


def test_a_partitioned_table_stands_for_its_partitions_down_to_the_leaves(owner: Owner) -> None:
    make(
        owner,
        "CREATE TABLE events (at date, kind text) PARTITION BY RANGE (at)",
        "CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
        "CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') "
        "PARTITION BY LIST (kind)",
        "CREATE TABLE events_2026_other PARTITION OF events_2026 DEFAULT",
        "INSERT INTO events SELECT date '2025-12-01' + n, 'x' FROM generate_series(1, 1000) n WHERE n < 365",
        "ANALYZE",
    )
    [events] = tables_of(owner, SCHEMA)
    assert (events.name, events.kind, events.estimated_rows) == ("events", "partitioned", 364)
    assert events.bytes > 8192
    assert rows_in(owner, events) == 364


def test_a_partition_whose_parent_is_in_another_schema_is_a_table_of_this_one(owner: Owner) -> None:
    make(
        owner,
        "CREATE SCHEMA elsewhere",
        "CREATE TABLE elsewhere.events (at date) PARTITION BY RANGE (at)",
        "CREATE TABLE ours PARTITION OF elsewhere.events DEFAULT PARTITION BY RANGE (at)",
        "CREATE TABLE ours_2026 PARTITION OF ours DEFAULT",
    )
    assert list(by_name(owner)) == ["ours"]


def test_rows_of_tables_that_inherit_are_read_once(owner: Owner) -> None:
    make(
        owner,
        "CREATE TABLE people (name text)",
        "CREATE TABLE customers (number int) INHERITS (people)",
        "INSERT INTO people VALUES ('a')",
        "INSERT INTO customers VALUES ('b', 1), ('c', 2)",
    )
    assert {table.name: rows_in(owner, table) for table in tables_of(owner, SCHEMA)} == {"people": 1, "customers": 2}
    assert [column.name for column in by_name(owner)["customers"].columns] == ["name", "number"]


@pytest.mark.parametrize(
    ("definition", "has_key"),
    [
        ("id int PRIMARY KEY", True),
        ("id int NOT NULL UNIQUE", True),
        ("a int NOT NULL, b int NOT NULL, UNIQUE (a, b)", True),
        ("id int UNIQUE", False),
        ("id int NOT NULL UNIQUE DEFERRABLE", False),
        ("a int NOT NULL, b int, UNIQUE (a, b)", False),
        ("a int NOT NULL, b int, UNIQUE (a) INCLUDE (b)", True),
        ("id int", False),
    ],
)
def test_a_key_is_what_tells_every_row_from_every_other(owner: Owner, definition: str, *, has_key: bool) -> None:
    make(owner, f"CREATE TABLE t ({definition})")
    assert by_name(owner)["t"].has_key is has_key


def test_an_index_on_an_expression_or_on_some_rows_is_no_key(owner: Owner) -> None:
    make(
        owner,
        "CREATE TABLE t (a int NOT NULL, b text NOT NULL)",
        "CREATE UNIQUE INDEX ON t (a) WHERE a > 5",
        "CREATE UNIQUE INDEX ON t (lower(b))",
    )
    assert not by_name(owner)["t"].has_key


def test_columns_come_in_order_with_their_types_and_without_dropped_ones(owner: Owner) -> None:
    make(
        owner,
        "CREATE TYPE mood AS ENUM ('calm', 'cross')",
        "CREATE TYPE place AS (street text, number int)",
        "CREATE DOMAIN positive AS numeric(8, 3) CHECK (VALUE > 0)",
        "CREATE DOMAIN price AS positive NOT NULL",
        "CREATE DOMAIN tags AS text[]",
        """CREATE TABLE t (
            gone int, id bigint NOT NULL, amount numeric(12, 2), price price, feeling mood, feelings mood[], tags tags,
            address place, term daterange, terms datemultirange, label varchar(20),
            twice numeric GENERATED ALWAYS AS (amount * 2) STORED)""",
        "ALTER TABLE t DROP gone",
    )
    columns = columns_of(owner, "t")
    assert list(columns) == [
        "id", "amount", "price", "feeling", "feelings", "tags", "address", "term", "terms", "label", "twice"
    ]  # fmt: skip
    assert {name: column.type_kind for name, column in columns.items()} == {
        "id": "base", "amount": "base", "price": "domain", "feeling": "enum", "feelings": "array", "tags": "domain",
        "address": "composite", "term": "range", "terms": "multirange", "label": "base", "twice": "base",
    }  # fmt: skip
    assert (columns["amount"].type_name, columns["label"].type_name) == ("numeric(12,2)", "character varying(20)")
    assert (columns["price"].base_type_name, columns["price"].base_type_oid) == ("numeric(8,3)", 1700)
    assert (columns["tags"].base_type_kind, columns["tags"].element_type_oid) == ("array", 25)
    assert columns["feelings"].element_type_oid == columns["feeling"].type_oid
    assert columns["id"].element_type_oid is None
    assert {name for name, column in columns.items() if not column.nullable} == {"id", "price"}
    assert {name for name, column in columns.items() if column.generated} == {"twice"}


def test_a_table_without_columns_is_a_table(owner: Owner) -> None:
    make(owner, "CREATE TABLE t ()", "INSERT INTO t DEFAULT VALUES")
    table = by_name(owner)["t"]
    assert (table.columns, table.has_key, rows_in(owner, table)) == ((), False, 1)


def test_the_estimate_of_a_table_that_was_never_analyzed_is_what_was_counted_on_the_way_in(owner: Owner) -> None:
    make(
        owner,
        "CREATE TABLE t (n int) WITH (autovacuum_enabled = off)",
        "INSERT INTO t SELECT generate_series(1, 5000)",
        "SELECT pg_stat_force_next_flush()",
        "SELECT 1",
    )
    assert by_name(owner)["t"].estimated_rows == 5000


def test_what_holds_no_data_of_its_own_is_named_as_left_out(owner: Owner) -> None:
    make(
        owner,
        "CREATE TABLE t (n int)",
        "CREATE VIEW v AS SELECT * FROM t",
        "CREATE MATERIALIZED VIEW m AS SELECT * FROM t",
        "CREATE FOREIGN DATA WRAPPER nothing",
        "CREATE SERVER far FOREIGN DATA WRAPPER nothing",
        "CREATE FOREIGN TABLE f (n int) SERVER far",
    )
    assert left_out_of(owner, SCHEMA) == [
        LeftOut("f", "foreign table"),
        LeftOut("m", "materialized view"),
        LeftOut("v", "view"),
    ]
    assert [table.name for table in tables_of(owner, SCHEMA)] == ["t"]


def test_to_the_login_types_of_the_schema_carry_its_name(owner: Owner, tenants: PreparedTenants) -> None:
    make(owner, "CREATE TYPE mood AS ENUM ('calm')", "CREATE TABLE t (feeling mood, name text)")
    with tenants.reading(SCHEMA) as connection:
        [table] = tables_of(connection, SCHEMA)
    assert [column.type_name for column in table.columns] == ['"Bob\'s ""data"" 2026".mood', "text"]

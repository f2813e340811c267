"""The sample of an organization's data: the same for the same seed, made once, and with everything that is hard to copy."""

import threading
from typing import Any

import psycopg
import pytest
from psycopg import sql

from storage.tenants.catalog import left_out_of, tables_of
from storage.tenants.refusals import TenantSchemaNotSample
from storage.tenants.sample import Sample, generate
from tests.support.tenants import PreparedTenants, tenant_of

Owner = psycopg.Connection[Any]

# Names of its own that belong to the schema stand in ROW(…)::text and in enums without it, so checksums can be compared.
CHECKSUM = "SELECT count(*), sum(('x' || substr(md5(t::text), 1, 15))::bit(60)::bigint) FROM {} AS t"


def sample(connection: Owner, schema: str, *, rows: int, seed: int = 1) -> Sample:
    return generate(connection, tenant_of(schema), "a password", rows=rows, seed=seed)


def checksums(owner: Owner, schema: str) -> dict[str, Any]:
    return {
        table.name: owner.execute(sql.SQL(CHECKSUM).format(table.source(schema))).fetchone()
        for table in tables_of(owner, schema)
    }


def one(owner: Owner, query: str) -> Any:
    row = owner.execute(query).fetchone()
    assert row
    return row[0]


def test_the_same_seed_makes_the_same_data_and_another_makes_other_data(owner: Owner) -> None:
    for schema, seed in (("a", 7), ("b", 7), ("c", 8)):
        sample(owner, schema, rows=2_000, seed=seed)
    first, again, other = (checksums(owner, schema) for schema in "abc")
    assert first == again
    assert {name for name in first if first[name] == other[name]} == {"settings"}
    assert first["activities"][0] == 2_000


def test_making_it_again_changes_nothing_and_tells_how_it_was_made(owner: Owner) -> None:
    sample(owner, "crm", rows=100, seed=3)
    before = checksums(owner, "crm")
    assert sample(owner, "crm", rows=999, seed=9) == Sample("crm", rows=100, seed=3, created=False)
    assert checksums(owner, "crm") == before


def test_two_at_once_make_one(owner: Owner, tenant_database_url: str) -> None:
    made: list[Sample] = []

    def make() -> None:
        with psycopg.connect(tenant_database_url, autocommit=True) as connection:
            made.append(sample(connection, "crm", rows=500))

    threads = [threading.Thread(target=make) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one_of_them.created for one_of_them in made) == [False, False, True]


def test_a_schema_of_somebody_else_is_refused_and_left_alone(owner: Owner) -> None:
    owner.execute("CREATE SCHEMA real_data")
    owner.execute("CREATE TABLE real_data.t (n int)")
    with pytest.raises(TenantSchemaNotSample, match='"real_data"'):
        sample(owner, "real_data", rows=10)
    assert [table.name for table in tables_of(owner, "real_data")] == ["t"]


def test_what_is_cut_short_leaves_nothing(owner: Owner) -> None:
    owner.execute("SET statement_timeout = '20ms'")
    with pytest.raises(psycopg.errors.QueryCanceled):
        sample(owner, "crm", rows=200_000)
    owner.execute("SET statement_timeout = 0")
    assert one(owner, "SELECT count(*) FROM pg_namespace WHERE nspname = 'crm'") == 0


def test_the_login_may_read_all_of_it_whatever_the_schema_is_called(owner: Owner, tenants: PreparedTenants) -> None:
    schema = """Bob's "CRM" 2026"""
    sample(owner, schema, rows=50)
    with tenants.reading(schema) as connection:
        assert len(tables_of(connection, schema)) == 8
        assert [left.kind for left in left_out_of(connection, schema)] == ["view", "materialized view"]


def test_it_has_what_makes_copying_hard(owner: Owner) -> None:
    sample(owner, "crm", rows=30_000)
    owner.execute("SET search_path = crm")
    tables = {table.name: table for table in tables_of(owner, "crm")}
    assert [name for name, table in tables.items() if not table.has_key] == ["import_log"]
    assert one(owner, "SELECT count(*) - count(DISTINCT t::text) FROM import_log t") > 0, "rows that stand there twice"
    assert [name for name, table in tables.items() if table.kind == "partitioned"] == ["activities"]
    kinds = {column.type_kind for table in tables.values() for column in table.columns}
    assert kinds >= {"base", "array", "enum", "domain", "composite", "range"}
    assert one(owner, "SELECT max(length(note)) FROM activities") > 32_767
    assert one(owner, "SELECT count(*) FROM activities WHERE subject LIKE '=%'") > 0
    assert one(owner, "SELECT min(invoice) FROM opportunities") > 2**53
    assert one(owner, "SELECT count(*) FROM opportunities WHERE decided_on = 'infinity'") > 0
    assert one(owner, "SELECT count(*) FROM opportunities WHERE score = 'NaN'") > 0
    for script in ("[а-я]", "[α-ω]", "[ء-ي]", "[א-ת]", "[क-ह]", "[一-龥]", "[ぁ-ん]", "[가-힣]", "🦊"):
        assert one(owner, f"SELECT count(*) FROM accounts WHERE name ~ '{script}'") > 0, script  # noqa: S608


def test_every_column_that_may_be_null_is_somewhere(owner: Owner) -> None:
    sample(owner, "crm", rows=30_000)
    never_null = {
        f"{table.name}.{column.name}"
        for table in tables_of(owner, "crm")
        for column in table.columns
        if not column.generated
        and not one(
            owner,
            sql.SQL("SELECT bool_or({} IS NULL) FROM {}")
            .format(sql.Identifier(column.name), table.source("crm"))
            .as_string(),
        )
    }
    required = {
        f"{table.name}.{column.name}"
        for table in tables_of(owner, "crm")
        for column in table.columns
        if not column.nullable and not column.generated
    }
    assert never_null == required


def test_numbers_go_on_where_the_data_ends(owner: Owner) -> None:
    sample(owner, "crm", rows=1_000)
    owner.execute("SET search_path = crm")
    new = one(
        owner,
        "INSERT INTO accounts (reference, name, opened_on, changed_at) "
        "VALUES (gen_random_uuid(), 'new', '2026-01-01', now()) RETURNING id",
    )
    assert new == 21
    assert one(owner, "SELECT nextval('invoice_numbers') > max(invoice) FROM opportunities")

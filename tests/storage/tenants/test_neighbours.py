"""What one organization, with the rights of its own program and no more, can do to another one's work."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from storage.tenants.catalog import exists
from storage.tenants.database import TenantDatabase
from storage.tenants.erasure import erase_step
from storage.tenants.refusals import TenantSchemaBusy, TenantSchemaNeededElsewhere
from tests.support.tenants import Everything, PreparedTenants, tenant_of, tenant_settings

Owner = psycopg.Connection[Any]
HOSTILE, VICTIM = tenant_of("hostile"), tenant_of("victim")


@pytest.fixture
def strict(tenant_database_url: str, tenants: PreparedTenants, owner: Owner) -> Iterator[TenantDatabase]:
    owner.execute("CREATE ROLE hostile_app LOGIN PASSWORD 'x'")
    owner.execute("CREATE SCHEMA hostile AUTHORIZATION hostile_app")
    owner.execute("CREATE SCHEMA victim")
    owner.execute("CREATE TABLE victim.a (n int)")
    owner.execute("CREATE VIEW victim.v AS SELECT * FROM victim.a")
    for tenant in (HOSTILE, VICTIM):
        tenants.prepared(tenant)
    yield TenantDatabase(tenant_settings(tenant_database_url))
    owner.execute("DROP OWNED BY hostile_app CASCADE")
    owner.execute("DROP ROLE hostile_app")


@pytest.fixture
def hostile(strict: TenantDatabase, tenant_database_url: str) -> Iterator[Owner]:
    """The hostile organization's own program."""
    with psycopg.connect(tenant_database_url, user="hostile_app", password="x", autocommit=True) as connection:
        yield connection


def erase(tenants: TenantDatabase) -> None:
    with tenants.erasing(VICTIM, reviewed=Everything()) as connection:
        while erase_step(connection, "victim"):
            pass


def number_of(owner: Owner, table: str) -> int:
    found = owner.execute("SELECT %s::regclass::oid::bigint", (table,)).fetchone()
    assert found is not None
    return int(found[0])


@pytest.mark.parametrize("grantee", [VICTIM.login, "offramp_directory"])
def test_a_right_that_it_gives_away_stops_nobody(
    strict: TenantDatabase, hostile: Owner, owner: Owner, grantee: str
) -> None:
    hostile.execute(f'GRANT USAGE ON SCHEMA hostile TO "{grantee}"'.encode())
    strict.refuse_powerful_user()
    assert set(strict.prepared_schemas()) >= {"hostile", "victim"}
    with strict.reading(VICTIM), strict.looking_at("victim"):
        pass
    erase(strict)
    assert not exists(owner, "victim")


@pytest.mark.parametrize(
    "named",
    [
        "CREATE TABLE hostile.trap (c regnamespace DEFAULT 'victim'::regnamespace)",
        "CREATE VIEW hostile.trap AS SELECT 'victim'::regnamespace AS n",
        "CREATE FUNCTION hostile.trap() RETURNS regnamespace LANGUAGE sql RETURN 'victim'::regnamespace",
    ],
)
def test_what_names_a_schema_is_not_in_it(
    strict: TenantDatabase, tenants: PreparedTenants, hostile: Owner, owner: Owner, named: str
) -> None:
    """Everything in the victim's schema goes; its name stays until an administrator drops what names it, which is said."""
    hostile.execute(named.encode())
    tenants.prepared(VICTIM)
    with pytest.raises(TenantSchemaNeededElsewhere, match="trap"):
        erase(strict)
    assert owner.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'victim'::regnamespace").fetchone() == (0,)
    kept = "SELECT FROM pg_class WHERE relname = 'trap' UNION ALL SELECT FROM pg_proc WHERE proname = 'trap'"
    assert hostile.execute(kept.encode()).fetchone() is not None


def test_a_table_that_is_named_by_its_number_is_named_in_the_refusal(
    strict: TenantDatabase, hostile: Owner, owner: Owner
) -> None:
    number = number_of(owner, "victim.a")
    hostile.execute(f"CREATE TABLE hostile.trap (c regclass DEFAULT '{number}'::regclass)".encode())
    with pytest.raises(TenantSchemaNeededElsewhere, match=r"hostile\.trap"):
        erase(strict)


def test_who_holds_a_lock_without_a_right_is_named(strict: TenantDatabase, hostile: Owner, owner: Owner) -> None:
    strict.lock_seconds = 0.2
    number = number_of(owner, "victim.v")
    with hostile.transaction():
        hostile.execute(f"SELECT pg_get_viewdef({number})".encode())
        with pytest.raises(TenantSchemaBusy, match='is being used by "hostile_app"') as refused:
            erase(strict)
        assert refused.value.details.values["holders"] == '"hostile_app"'
    erase(strict)


def test_code_in_a_session_hides_nothing_from_the_next_statement(strict: TenantDatabase, hostile: Owner) -> None:
    for statement in (
        "CREATE FUNCTION hostile.listen() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'LISTEN flood'; END $$",
        "CREATE FUNCTION hostile.f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 1; END $$",
        "CREATE TABLE hostile.a (n int)",
        "CREATE INDEX ON hostile.a (n) WHERE n > hostile.f(1)",
        "CREATE OR REPLACE FUNCTION hostile.f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN "
        "PERFORM set_config('search_path', 'hostile, pg_catalog', false), hostile.listen(); RETURN 1; END $$",
        "CREATE TABLE hostile.pg_namespace (oid oid, nspname name)",
        "CREATE FUNCTION hostile.octet_length(text) RETURNS int LANGUAGE sql RETURN 0",
        "CREATE FUNCTION hostile.pg_column_size(text) RETURNS int LANGUAGE sql RETURN 0",
    ):
        hostile.execute(statement.encode())
    with strict.erasing(HOSTILE, reviewed=Everything()) as connection:
        connection.execute("SELECT count(*) FROM hostile.a WHERE n > 0")
        assert exists(connection, "hostile")
        assert connection.execute("SELECT octet_length('text'::text), pg_column_size('text'::text) > 0").fetchone() == (
            4,
            True,
        )
        connection.execute("CREATE TEMP TABLE pg_namespace (oid oid, nspname name)")
        assert exists(connection, "hostile")
        hostile.execute("SELECT pg_notify('flood', repeat('x', 7000) || n) FROM generate_series(1, 200) n")
        connection.execute("SELECT 1")
        assert not connection._notifies_backlog, "they are not kept"


def test_what_needs_what_names_a_schema_is_not_needed_in_it(
    strict: TenantDatabase, hostile: Owner, owner: Owner
) -> None:
    hostile.execute(b"CREATE FUNCTION hostile.trap() RETURNS regnamespace LANGUAGE sql RETURN 'victim'::regnamespace")
    hostile.execute(b"CREATE VIEW hostile.of_trap AS SELECT hostile.trap()")
    with pytest.raises(TenantSchemaNeededElsewhere, match="trap"):
        erase(strict)
    assert owner.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'victim'::regnamespace").fetchone() == (0,)


def test_a_temporary_table_of_its_own_program_refuses_nothing(strict: TenantDatabase, hostile: Owner) -> None:
    hostile.execute(b"CREATE TEMP TABLE work (n int)")
    with strict.reading(HOSTILE, reviewed=Everything()):
        pass

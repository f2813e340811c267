"""Reading an organization's data: one snapshot, as a login that owns nothing else, and all of it or a refusal."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from starter.cli.remedies import operators_text
from storage.tenants.catalog import tables_of
from storage.tenants.database import TenantDatabase
from storage.tenants.logins import Tenant
from storage.tenants.refusals import (
    TenantDatabaseNotConfigured,
    TenantDatabaseUnavailable,
    TenantLoginRefused,
    TenantSchemaBusy,
    TenantSchemaNotReadable,
    TenantSchemaUnknown,
)
from storage.tenants.settings import TenantDatabaseSettings
from tests.support.ports import free_port
from tests.support.tenants import LOGIN_SECRET, PreparedTenants, tenant_of, tenant_settings

Owner = psycopg.Connection[Any]
CRM = tenant_of("crm")


@pytest.fixture(autouse=True)
def schema(owner: Owner) -> None:
    owner.execute("CREATE SCHEMA crm")
    owner.execute("CREATE TABLE crm.accounts (id bigint PRIMARY KEY)")
    owner.execute("INSERT INTO crm.accounts SELECT generate_series(1, 100)")


@pytest.fixture
def strict(tenant_database_url: str) -> TenantDatabase:
    """The database without the administrator who prepares whatever is needed."""
    return TenantDatabase(tenant_settings(tenant_database_url))


def count(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM crm.accounts").fetchone()
    assert row
    return int(row[0])


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO crm.accounts VALUES (0)",
        "DELETE FROM crm.accounts",
        "TRUNCATE crm.accounts",
        "CREATE TABLE crm.more (id int)",
        "DROP TABLE crm.accounts",
        "SELECT nextval('crm.numbers')",
        "SET TRANSACTION READ WRITE",
    ],
)
def test_a_write_is_refused_by_postgresql_itself(tenants: TenantDatabase, owner: Owner, statement: str) -> None:
    owner.execute("CREATE SEQUENCE crm.numbers")
    refused = errors.ReadOnlySqlTransaction, errors.ActiveSqlTransaction, errors.InsufficientPrivilege
    with pytest.raises(refused), tenants.reading(CRM) as connection:
        connection.execute(statement)
    assert count(owner) == 100


def test_it_is_the_login_of_the_organization_that_reads(tenants: TenantDatabase) -> None:
    with tenants.reading(CRM) as connection:
        assert connection.execute("SELECT session_user, current_user, current_setting('row_security')").fetchone() == (
            CRM.login,
            CRM.login,
            "off",
        )


def test_all_statements_see_one_snapshot_whatever_is_committed_meanwhile(tenants: TenantDatabase, owner: Owner) -> None:
    with tenants.reading(CRM) as connection:
        owner.execute("DELETE FROM crm.accounts WHERE id > 10")
        owner.execute("CREATE TABLE crm.newer (id int)")
        assert count(connection) == 100
        assert [table.name for table in tables_of(connection, "crm")] == ["accounts"]
    assert count(owner) == 10


def test_a_table_cannot_be_emptied_or_dropped_under_the_snapshot(tenants: TenantDatabase, owner: Owner) -> None:
    owner.execute("SET lock_timeout = '100ms'")
    with tenants.reading(CRM) as connection:
        for statement in ("TRUNCATE crm.accounts", "DROP TABLE crm.accounts"):
            with pytest.raises(errors.LockNotAvailable):
                owner.execute(statement)
        owner.execute("INSERT INTO crm.accounts VALUES (101)")
        assert count(connection) == 100


def test_a_table_held_by_a_change_is_reported_as_busy_and_not_waited_for_without_end(
    tenants: PreparedTenants, strict: TenantDatabase, owner: Owner
) -> None:
    tenants.prepared(CRM)
    strict.lock_seconds = 0.1
    with owner.transaction():
        owner.execute("ALTER TABLE crm.accounts ADD note text")
        with pytest.raises(TenantSchemaBusy), strict.reading(CRM):
            pass


def test_the_caller_cannot_end_the_snapshot_by_mistake(tenants: TenantDatabase) -> None:
    with tenants.reading(CRM) as connection:
        with pytest.raises(psycopg.ProgrammingError):
            connection.commit()
        assert count(connection) == 100


def test_an_error_of_the_caller_reaches_the_caller(tenants: TenantDatabase) -> None:
    with pytest.raises(errors.UndefinedTable), tenants.reading(CRM) as connection:
        connection.execute("SELECT * FROM crm.nothing")


def test_a_schema_that_does_not_exist_is_refused_by_name(tenants: PreparedTenants) -> None:
    tenants.prepared(CRM)
    with (
        pytest.raises(TenantSchemaUnknown, match='no schema "CRM"'),
        tenants.reading(Tenant(CRM.organization, "CRM")),
    ):
        pass


def test_a_login_that_was_never_made_or_has_another_secret_is_refused_by_name(
    tenants: PreparedTenants, strict: TenantDatabase, tenant_database_url: str
) -> None:
    new = Tenant(f"ORG-{uuid4()}", "crm")
    with pytest.raises(TenantLoginRefused, match=new.organization), strict.reading(new):
        pass
    tenants.prepared(new)
    other = tenant_settings(tenant_database_url).model_copy(update={"tenant_login_secret": "another secret" * 3})
    with pytest.raises(TenantLoginRefused, match="made with another secret"), TenantDatabase(other).reading(new):
        pass
    with strict.reading(new) as connection:
        assert count(connection) == 100


def test_missing_rights_are_refused_with_the_tables_and_the_statements_that_grant_them(
    tenants: PreparedTenants, strict: TenantDatabase, owner: Owner
) -> None:
    tenants.prepared(CRM)
    owner.execute("ALTER TABLE crm.accounts OWNER TO CURRENT_USER")
    with pytest.raises(TenantSchemaNotReadable, match='may not read "accounts"') as refused, strict.reading(CRM):
        pass
    owner.execute(refused.value.way_out.partition(": ")[2])
    with strict.reading(CRM) as connection:
        assert count(connection) == 100


def test_rows_that_a_policy_hides_are_refused_and_never_left_out(tenants: PreparedTenants, owner: Owner) -> None:
    owner.execute("ALTER TABLE crm.accounts ENABLE ROW LEVEL SECURITY")
    owner.execute("CREATE POLICY few ON crm.accounts USING (id < 5)")
    with tenants.reading(CRM) as connection:
        assert count(connection) == 100, "to its owner a policy does not apply"
    owner.execute("ALTER TABLE crm.accounts FORCE ROW LEVEL SECURITY")
    with (
        pytest.raises(TenantSchemaNotReadable, match='row security hides rows of "accounts"') as refused,
        tenants.reading(CRM),
    ):
        pass
    owner.execute(refused.value.way_out.partition(": ")[2])
    with tenants.reading(CRM) as connection:
        assert count(connection) == 100


def test_a_connection_that_breaks_is_a_database_out_of_reach(tenants: TenantDatabase, owner: Owner) -> None:
    def read_while_it_breaks() -> None:
        with tenants.reading(CRM) as connection:
            owner.execute("SELECT pg_terminate_backend(%s, 10000)", (connection.info.backend_pid,))
            count(connection)

    with pytest.raises(TenantDatabaseUnavailable):
        read_while_it_breaks()


def test_a_database_that_is_down_is_named_without_user_and_password() -> None:
    url = f"postgresql://ann:s3cr3t@127.0.0.1:{free_port()}/tenants"
    away = TenantDatabase(TenantDatabaseSettings(tenant_database_url=url, tenant_login_secret=LOGIN_SECRET))
    for use in (away.directory(), away.reading(CRM)):
        with pytest.raises(TenantDatabaseUnavailable) as refused, use:
            pass
        assert "tenants on 127.0.0.1" in refused.value.message
        assert not any(secret in str(refused.value) for secret in ("ann", "s3cr3t", LOGIN_SECRET))


def test_without_a_url_no_organization_has_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFRAMP_TENANT_DATABASE_URL", "")
    with pytest.raises(TenantDatabaseNotConfigured) as refused:
        TenantDatabase(TenantDatabaseSettings())
    assert "Set OFFRAMP_TENANT_DATABASE_URL to" in operators_text(refused.value)

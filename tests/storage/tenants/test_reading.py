"""Reading an organization's data: one snapshot, by a role that cannot write, and all of it or a refusal."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors, sql

from starter.cli.remedies import operators_text
from storage.tenants.catalog import tables_of
from storage.tenants.database import (
    READER_ROLE,
    TenantDatabase,
    TenantDatabaseSettings,
    ensure_reader_role,
    grant_reading,
)
from storage.tenants.refusals import (
    TenantDatabaseNotConfigured,
    TenantDatabaseUnavailable,
    TenantSchemaBusy,
    TenantSchemaNotReadable,
    TenantSchemaUnknown,
)
from tests.support.ports import free_port

Owner = psycopg.Connection[Any]


@pytest.fixture(autouse=True)
def schema(owner: Owner) -> None:
    owner.execute("CREATE SCHEMA crm")
    owner.execute("CREATE TABLE crm.accounts (id bigint PRIMARY KEY)")
    owner.execute("INSERT INTO crm.accounts SELECT generate_series(1, 100)")


@pytest.fixture
def unprivileged(owner: Owner, tenant_database_url: str) -> Iterator[TenantDatabase]:
    """The database for a user and a reader role to whom nobody has granted anything."""
    user, role = "stranger", "Nobody's reader"
    owner.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(sql.Identifier(user)))
    owner.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
    owner.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(user)))
    address = tenant_database_url.rpartition("@")[2]
    yield TenantDatabase(
        TenantDatabaseSettings(tenant_database_url=f"postgresql://{user}:x@{address}", tenant_reader_role=role)
    )
    for name in (user, role):
        owner.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
        owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


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
    with pytest.raises(refused), tenants.reading("crm") as connection:
        connection.execute(statement)
    assert count(owner) == 100


def test_it_is_the_reader_role_that_reads(tenants: TenantDatabase) -> None:
    with tenants.reading("crm") as connection:
        assert connection.execute("SELECT current_user, current_setting('row_security')").fetchone() == (
            READER_ROLE,
            "off",
        )


def test_all_statements_see_one_snapshot_whatever_is_committed_meanwhile(tenants: TenantDatabase, owner: Owner) -> None:
    with tenants.reading("crm") as connection:
        owner.execute("DELETE FROM crm.accounts WHERE id > 10")
        owner.execute("CREATE TABLE crm.newer (id int)")
        assert count(connection) == 100
        assert [table.name for table in tables_of(connection, "crm")] == ["accounts"]
    assert count(owner) == 10


def test_a_table_cannot_be_emptied_or_dropped_under_the_snapshot(tenants: TenantDatabase, owner: Owner) -> None:
    owner.execute("SET lock_timeout = '100ms'")
    with tenants.reading("crm") as connection:
        for statement in ("TRUNCATE crm.accounts", "DROP TABLE crm.accounts"):
            with pytest.raises(errors.LockNotAvailable):
                owner.execute(statement)
        owner.execute("INSERT INTO crm.accounts VALUES (101)")
        assert count(connection) == 100


def test_a_table_held_by_a_change_is_reported_as_busy_and_not_waited_for_without_end(
    tenants: TenantDatabase, owner: Owner
) -> None:
    impatient = TenantDatabase(
        TenantDatabaseSettings(tenant_database_url=tenants.url.render_as_string(hide_password=False))
    )
    impatient.lock_seconds = 0.1
    with owner.transaction():
        owner.execute("ALTER TABLE crm.accounts ADD note text")
        with pytest.raises(TenantSchemaBusy), impatient.reading("crm"):
            pass


def test_the_caller_cannot_end_the_snapshot_by_mistake(tenants: TenantDatabase) -> None:
    with tenants.reading("crm") as connection:
        with pytest.raises(psycopg.ProgrammingError):
            connection.commit()
        assert count(connection) == 100


def test_an_error_of_the_caller_reaches_the_caller(tenants: TenantDatabase) -> None:
    with pytest.raises(errors.UndefinedTable), tenants.reading("crm") as connection:
        connection.execute("SELECT * FROM crm.nothing")


def test_a_schema_that_does_not_exist_is_refused_by_name(tenants: TenantDatabase) -> None:
    with pytest.raises(TenantSchemaUnknown, match='no schema "CRM"'), tenants.reading("CRM"):
        pass


def test_a_role_that_does_not_exist_is_refused_by_name(tenant_database_url: str) -> None:
    settings = TenantDatabaseSettings(tenant_database_url=tenant_database_url, tenant_reader_role="no_such_reader")
    with pytest.raises(TenantSchemaNotReadable, match='"no_such_reader"'), TenantDatabase(settings).reading("crm"):
        pass


def test_a_user_who_may_not_take_the_role_is_refused(unprivileged: TenantDatabase, owner: Owner) -> None:
    owner.execute('REVOKE "Nobody\'s reader" FROM stranger')
    with pytest.raises(TenantSchemaNotReadable, match="is not its member"), unprivileged.reading("crm"):
        pass


def test_missing_rights_are_refused_with_the_tables_and_the_statements_that_grant_them(
    unprivileged: TenantDatabase, owner: Owner
) -> None:
    role = sql.Identifier(unprivileged.reader_role)
    with pytest.raises(TenantSchemaNotReadable, match="may not use it"), unprivileged.reading("crm"):
        pass
    owner.execute(sql.SQL("GRANT USAGE ON SCHEMA crm TO {}").format(role))
    with (
        pytest.raises(TenantSchemaNotReadable, match='may not read "accounts"') as refused,
        unprivileged.reading("crm"),
    ):
        pass
    grants = refused.value.way_out.partition(": ")[2]
    owner.execute(grants)
    with unprivileged.reading("crm") as connection:
        assert count(connection) == 100


def test_rows_that_a_policy_hides_are_refused_and_never_left_out(unprivileged: TenantDatabase, owner: Owner) -> None:
    grant_reading(owner, "crm", unprivileged.reader_role)
    owner.execute("ALTER TABLE crm.accounts ENABLE ROW LEVEL SECURITY")
    owner.execute("CREATE POLICY few ON crm.accounts USING (id < 5)")
    with (
        pytest.raises(TenantSchemaNotReadable, match='row security hides rows of "accounts"') as refused,
        unprivileged.reading("crm"),
    ):
        pass
    owner.execute(refused.value.way_out.partition(": ")[2])
    with unprivileged.reading("crm") as connection:
        assert count(connection) == 100


def test_setting_up_the_reader_role_again_changes_nothing(owner: Owner) -> None:
    def state() -> list[Any]:
        return owner.execute("SELECT defaclobjtype, defaclacl::text FROM pg_default_acl ORDER BY 1").fetchall()

    before = state()
    ensure_reader_role(owner)
    assert state() == before != []


def test_a_connection_that_breaks_is_a_database_out_of_reach(tenants: TenantDatabase, owner: Owner) -> None:
    def read_while_it_breaks() -> None:
        with tenants.reading("crm") as connection:
            owner.execute("SELECT pg_terminate_backend(%s, 10000)", (connection.info.backend_pid,))
            count(connection)

    with pytest.raises(TenantDatabaseUnavailable):
        read_while_it_breaks()


def test_a_database_that_is_down_is_named_without_user_and_password() -> None:
    url = f"postgresql://ann:s3cr3t@127.0.0.1:{free_port()}/tenants"
    with (
        pytest.raises(TenantDatabaseUnavailable) as refused,
        TenantDatabase(TenantDatabaseSettings(tenant_database_url=url)).writing(),
    ):
        pass
    assert "tenants on 127.0.0.1" in refused.value.message
    assert not any(secret in str(refused.value) for secret in ("ann", "s3cr3t"))


def test_without_a_url_no_organization_has_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFRAMP_TENANT_DATABASE_URL", "")
    with pytest.raises(TenantDatabaseNotConfigured) as refused:
        TenantDatabase(TenantDatabaseSettings())
    assert "Set OFFRAMP_TENANT_DATABASE_URL to" in operators_text(refused.value)

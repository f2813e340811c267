"""The certificate of an erasure: given when everything is gone, whatever an organization does in the middle of it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.erasure import Eraser
from contract.steps import Erased
from records.erasure import certificate_of
from storage.objects import Objects, ObjectStoreSettings
from storage.tenants.catalog import exists
from storage.tenants.database import TenantDatabase
from storage.tenants.logins import Tenant
from tests.records.closed_cases import BOTH, CASE, case, closed, step
from tests.support.import_documents import document, engine, imported
from tests.support.tenants import PreparedTenants, tenant_settings

__all__ = ["case", "closed", "document", "engine", "imported"]

Owner = psycopg.Connection[Any]
SCHEMA = "crm_contoso"
PEOPLE = "CREATE TABLE crm_contoso.people AS SELECT 'somebody ' || n AS data FROM generate_series(1, 100) n"
MISLEADS = """
    CREATE OR REPLACE FUNCTION crm_contoso.f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
        PERFORM set_config('search_path', 'crm_contoso, pg_catalog', false);
        RETURN 1;
    END $$
"""


@pytest.fixture
def program(owner: Owner, tenants: PreparedTenants, tenant_database_url: str) -> Iterator[Owner]:
    """The organization's own program, which owns its schema with some tables, and no more."""
    owner.execute("CREATE ROLE contoso_app LOGIN PASSWORD 'x'")
    owner.execute(f"CREATE SCHEMA {SCHEMA} AUTHORIZATION contoso_app")
    with psycopg.connect(tenant_database_url, user="contoso_app", password="x", autocommit=True) as connection:
        for table in ("a", "b", "c"):
            connection.execute(f"CREATE TABLE {SCHEMA}.{table} (n int)".encode())
        connection.execute(PEOPLE)
        tenants.prepared(Tenant("ORG-1", SCHEMA))
        yield connection
    owner.execute("DROP OWNED BY contoso_app CASCADE")
    owner.execute("DROP ROLE contoso_app")


@pytest.fixture
def eraser(closed: Engine, object_store: ObjectStoreSettings, tenant_database_url: str) -> Eraser:
    strict = TenantDatabase(tenant_settings(tenant_database_url))
    strict.lock_seconds = 0.5
    return Eraser(closed, BOTH, strict, Objects(object_store))


def attempt(by: Eraser) -> Erased:
    return ActivityEnvironment().run(by.erase_data, step("erase"))


def test_code_that_comes_between_two_attempts_makes_no_certificate_false(
    closed: Engine, program: Owner, eraser: Eraser, owner: Owner
) -> None:
    """An erasure that continues reviews nothing, and its statements name catalogues: those of PostgreSQL, and no others."""
    with program.transaction():
        program.execute("LOCK TABLE crm_contoso.b IN ACCESS SHARE MODE")
        with pytest.raises(ApplicationError, match='"b" of schema "crm_contoso" is being used by "contoso_app"'):
            attempt(eraser)
    program.execute(MISLEADS)
    for table in ("b", "c"):
        program.execute(f"CREATE INDEX ON {SCHEMA}.{table} (n) WHERE n > {SCHEMA}.f(1)".encode())
    program.execute(f"CREATE TABLE {SCHEMA}.pg_namespace (oid oid, nspname name)")
    program.execute("CREATE TABLE crm_contoso.pg_depend AS SELECT * FROM pg_catalog.pg_depend LIMIT 0")

    certificate = attempt(eraser).certificate

    assert not exists(owner, SCHEMA)
    assert certificate is not None
    assert (certificate.tables, certificate.rows) == (6, 100)


def test_nothing_is_certified_while_something_is_there(
    closed: Engine, program: Owner, eraser: Eraser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the session of the erasure says: another one looks, in which nobody's code has run."""
    monkeypatch.setattr("activities.erasure.erase_step", lambda *_, **__: None)
    with pytest.raises(ApplicationError, match="crm_contoso"):
        attempt(eraser)
    with Session(closed) as session:
        assert certificate_of(session, CASE) is None

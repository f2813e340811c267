"""The time that an organization's locks and code may take from the service: bounded in all, and of its own places alone."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from storage.tenants.database import TenantDatabase
from storage.tenants.places import AT_ONCE
from storage.tenants.refusals import TenantDatabaseUnavailable, TenantSchemaBusy, TenantWorkWaits
from storage.tenants.sessions import StoppedBy
from tests.support.outcomes import eventually
from tests.support.tenants import Everything, PreparedTenants, tenant_of, tenant_settings

Owner = psycopg.Connection[Any]
HOSTILE, VICTIM = tenant_of("hostile"), tenant_of("victim")
NEVER_ENDS = """
    CREATE FUNCTION hostile.never_ends(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
        LOOP
            BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END;
        END LOOP;
    END $$
"""


@pytest.fixture
def strict(tenant_database_url: str, tenants: PreparedTenants, owner: Owner) -> TenantDatabase:
    """Two organizations with two tables each."""
    for tenant in (HOSTILE, VICTIM):
        owner.execute(f"CREATE SCHEMA {tenant.schema}")
        for table in ("a", "b"):
            owner.execute(f"CREATE TABLE {tenant.schema}.{table} (n int)")
        tenants.prepared(tenant)
    return TenantDatabase(tenant_settings(tenant_database_url))


@contextmanager
def locked_in_turn(url: str, tables: list[str], each: float) -> Iterator[None]:
    """Two sessions of the organization: one always holds a table, and takes the next before it lets go."""
    over, begun = threading.Event(), threading.Event()

    def lock() -> None:
        with psycopg.connect(url) as one, psycopg.connect(url) as other:
            for table in tables:
                one.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
                other.commit()
                begun.set()
                over.wait(each)
                one, other = other, one  # noqa: PLW2901 - they take turns

    thread = threading.Thread(target=lock)
    thread.start()
    begun.wait()
    try:
        yield
    finally:
        over.set()
        thread.join()


def ended_after(seconds: float) -> StoppedBy:
    """Have a session ended by another thread."""

    @contextmanager
    def stopped_by(end: Callable[[], object]) -> Iterator[None]:
        timer = threading.Timer(seconds, end)
        timer.start()
        yield
        timer.join()

    return stopped_by


def test_locks_one_after_another_hold_no_session_longer_than_its_opening_may_take(
    strict: TenantDatabase, tenants: PreparedTenants, owner: Owner, tenant_database_url: str
) -> None:
    strict.opening_seconds = 0.5
    tables = [f"hostile.t{number:02}" for number in range(20)]
    for table in tables:
        owner.execute(f"CREATE TABLE {table} (n int)".encode())
    tenants.prepared(HOSTILE)
    with (
        locked_in_turn(tenant_database_url, tables, each=0.2),  # far below the time for one lock, four seconds in all
        pytest.raises(TenantSchemaBusy, match="hostile"),
        strict.reading(HOSTILE),
    ):
        pass
    with strict.reading(VICTIM):
        pass


async def test_code_that_catches_its_cancellation_ends_with_the_session(
    strict: TenantDatabase, tenants: PreparedTenants, owner: Owner
) -> None:
    owner.execute("SET search_path = hostile")
    owner.execute(NEVER_ENDS)
    owner.execute("CREATE STATISTICS s ON n, (n + never_ends(1)) FROM a")
    tenants.prepared(HOSTILE)

    with (
        pytest.raises(TenantDatabaseUnavailable),
        strict.reading(HOSTILE, reviewed=Everything(), stopped_by=ended_after(0.3)) as connection,
    ):
        connection.execute("SELECT count(*) FROM hostile.a WHERE n > 1")

    async def gone() -> bool:
        found = owner.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", (HOSTILE.login,)).fetchone()
        return found == (0,)

    await eventually(gone)


def test_whoever_uses_a_session_that_is_ended_has_an_error_at_once(strict: TenantDatabase) -> None:
    for opened in (strict.reading, strict.erasing):
        with (
            pytest.raises(TenantDatabaseUnavailable),
            opened(HOSTILE, reviewed=Everything(), stopped_by=ended_after(0.3)) as connection,
        ):
            connection.execute("SELECT pg_sleep(600)")


def test_an_organization_has_few_places_and_takes_none_of_anothers(strict: TenantDatabase) -> None:
    with strict.working_for("ORG-HOSTILE"):
        with strict.working_for("ORG-HOSTILE"):
            with (
                pytest.raises(TenantWorkWaits, match=f"ORG-HOSTILE {AT_ONCE} times"),
                strict.working_for("ORG-HOSTILE"),
            ):
                pass
            with strict.working_for("ORG-VICTIM"):
                pass
        with strict.working_for("ORG-HOSTILE"):
            pass


def test_an_organizations_sessions_are_fewer_than_what_the_server_has(strict: TenantDatabase, owner: Owner) -> None:
    url = strict.login_url(HOSTILE).render_as_string(hide_password=False)
    with psycopg.connect(url):
        limits = owner.execute("SELECT rolconnlimit FROM pg_roles WHERE rolname = %s", (HOSTILE.login,)).fetchone()
    assert limits == (8,)


def test_a_lock_that_an_organization_can_take_keeps_no_schema_from_being_prepared(
    strict: TenantDatabase, tenants: PreparedTenants
) -> None:
    """Every user of a database can take any advisory lock: none may stand between organizations."""
    with tenants.reading(HOSTILE) as hostile:
        for name in ("offramp tenant logins", "offramp sample victim"):
            hostile.execute(
                "SELECT pg_advisory_lock(hashtext(%s)), pg_advisory_lock(hashtextextended(%s, 0))", (name,) * 2
            )
        tenants.prepared(VICTIM)


def test_schemas_are_prepared_by_many_at_once(strict: TenantDatabase, tenants: PreparedTenants) -> None:
    with ThreadPoolExecutor(4) as threads:
        for prepared in [threads.submit(tenants.prepared, tenant) for tenant in (HOSTILE, VICTIM) * 10]:
            prepared.result()


def test_a_schema_that_somebody_has_locked_is_refused_as_busy_where_it_is_prepared(
    tenants: PreparedTenants, owner: Owner
) -> None:
    owner.execute("CREATE SCHEMA crm")
    owner.execute("CREATE TABLE crm.t (n int)")
    tenants.lock_seconds = 0.1
    with owner.transaction():
        owner.execute("LOCK TABLE crm.t")
        with pytest.raises(TenantSchemaBusy, match="crm"):
            tenants.prepared("crm")

"""A database for organizations' data, of one test's own: fixtures, imported by ``tests/conftest.py``."""

from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from hashlib import md5
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg import sql

from storage.tenants.catalog import exists
from storage.tenants.database import TenantDatabase
from storage.tenants.logins import Tenant
from storage.tenants.preparation import ensure_directory, prepare
from storage.tenants.sessions import StoppedBy, never_stopped
from storage.tenants.settings import TenantDatabaseSettings

DIRECTORY, DIRECTORY_PASSWORD = "offramp_directory", "looks-into-the-catalog"
LOGIN_SECRET = "the logins of the tests' organizations"

_names = (f"tenants_{number}" for number in count(1))


class Everything(Container[str]):
    """The digests of all code: where a test is not about its review."""

    def __contains__(self, digest: object) -> bool:
        return True


def tenant_environment(administrator_url: str) -> dict[str, str]:
    """The variables of a process that uses a tenant database; ``administrator_url`` may do everything in it."""
    url = administrator_url.replace("+psycopg", "")
    directory = f"{DIRECTORY}:{DIRECTORY_PASSWORD}"
    return {
        "OFFRAMP_TENANT_DATABASE_URL": f"postgresql://{directory}@{url.rpartition('@')[2]}",
        "OFFRAMP_TENANT_LOGIN_SECRET": LOGIN_SECRET,
        "OFFRAMP_TENANT_ADMINISTRATOR_URL": url,
    }


def tenant_settings(administrator_url: str) -> TenantDatabaseSettings:
    """The same as settings."""
    return settings_of(tenant_environment(administrator_url))


def settings_of(environment: Mapping[str, str]) -> TenantDatabaseSettings:
    """The settings that a process with these variables has."""
    given = {name.removeprefix("OFFRAMP_").lower(): value for name, value in environment.items()}
    return TenantDatabaseSettings.model_validate(given)


def tenant_of(schema: str) -> Tenant:
    """The organization that a test without organizations gives a schema to."""
    return Tenant(f"ORG-{md5(schema.encode(), usedforsecurity=False).hexdigest()[:12]}", schema)


class PreparedTenants(TenantDatabase):
    """The database with an administrator who prepares a schema whenever the service turns to it, and reviews all code."""

    @contextmanager
    def reading(
        self, tenant: Tenant | str, *, reviewed: Container[str] = Everything(), stopped_by: StoppedBy = never_stopped
    ) -> Iterator[psycopg.Connection[Any]]:
        with super().reading(self.prepared(tenant), reviewed=reviewed, stopped_by=stopped_by) as connection:
            yield connection

    @contextmanager
    def erasing(
        self,
        tenant: Tenant | str,
        *,
        reviewed: Container[str] | None = Everything(),
        stopped_by: StoppedBy = never_stopped,
    ) -> Iterator[psycopg.Connection[Any]]:
        with super().erasing(self.prepared(tenant), reviewed=reviewed, stopped_by=stopped_by) as connection:
            yield connection

    def prepared(self, tenant: Tenant | str) -> Tenant:
        """Prepare a schema, where there is one."""
        tenant = tenant_of(tenant) if isinstance(tenant, str) else tenant
        with self.administering() as connection:
            if exists(connection, tenant.schema):
                prepare(connection, tenant, self.password(tenant))
        return tenant


@contextmanager
def tenants_database(postgres_url: str) -> Iterator[str]:
    """An empty database for organizations' data, for a while; the URL of its administrator."""
    name = next(_names)
    url = f"{postgres_url.rpartition('/')[0]}/{name}".replace("+psycopg", "")
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} STRATEGY FILE_COPY").format(sql.Identifier(name)))
        ensure_directory(connection, DIRECTORY, DIRECTORY_PASSWORD)
        yield url
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def tenant_database_url(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database for one test alone; its user may do everything in it."""
    with tenants_database(postgres_url) as url:
        yield url


@pytest.fixture
def tenants(tenant_database_url: str) -> PreparedTenants:
    """The same database as the service reaches it, with a diligent administrator."""
    return PreparedTenants(tenant_settings(tenant_database_url))


@pytest.fixture
def owner(tenant_database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection by which a test acts as the organization does; every statement is a transaction of its own."""
    with psycopg.connect(tenant_database_url, autocommit=True) as connection:
        yield connection

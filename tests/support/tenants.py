"""A database for organizations' data, of one test's own: fixtures, imported by ``tests/conftest.py``."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg import sql

from storage.tenants.database import TenantDatabase, TenantDatabaseSettings, ensure_reader_role

_names = (f"tenants_{number}" for number in count(1))


@contextmanager
def tenants_database(postgres_url: str) -> Iterator[str]:
    """An empty database for organizations' data, for a while; its URL."""
    name = next(_names)
    url = f"{postgres_url.rpartition('/')[0]}/{name}".replace("+psycopg", "")
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} STRATEGY FILE_COPY").format(sql.Identifier(name)))
        with psycopg.connect(url, autocommit=True) as inside:
            ensure_reader_role(inside)
        yield url
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def tenant_database_url(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database for one test alone; its user owns what is created, and the reader role may read it."""
    with tenants_database(postgres_url) as url:
        yield url


@pytest.fixture
def tenants(tenant_database_url: str) -> TenantDatabase:
    """The same database as the service reaches it."""
    return TenantDatabase(TenantDatabaseSettings(tenant_database_url=tenant_database_url))


@pytest.fixture
def owner(tenant_database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection by which a test acts as the organization does; every statement is a transaction of its own."""
    with psycopg.connect(tenant_database_url, autocommit=True) as connection:
        yield connection

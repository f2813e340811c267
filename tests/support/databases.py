"""Migrated databases for the tests, on one real PostgreSQL for each of their processes: fixtures, imported by ``tests/conftest.py``."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from starter.local.postgres import UNSAFE_AND_FAST, PostgresCluster
from storage.rights import DatabaseRole
from storage.schema import migrate
from storage.tables import Table
from tests.support.servers import memory, open_directory, running

TEMPLATE = "migrated"
LOGIN_PASSWORD = "no more than its role"
LARGEST = 32 << 20
"""The size in bytes up to which a database is emptied, and not dropped: an empty one has 12 MiB."""
_names = (f"test_{number}" for number in count(1))

# Whatever is made, altered or granted leaves another row in one of these; temporary tables are gone with their session.
_CATALOGS = ("class", "attribute", "attrdef", "proc", "trigger", "constraint", "index", "type", "policy", "rewrite",
             "extension", "default_acl", "statistic_ext", "event_trigger")  # fmt: skip
_SHAPE = sql.SQL(
    "SELECT {}, (SELECT count(*) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'), "
    "(SELECT count(*) FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase WHERE datname = current_database())"
).format(
    sql.SQL(", ").join(
        sql.SQL("(SELECT (count(*), max(xmin::text::bigint))::text FROM {})").format(sql.Identifier(f"pg_{name}"))
        for name in _CATALOGS
    )
)
_HAS_ROWS = sql.SQL(" UNION ALL ").join(
    sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(sql.Literal(name), sql.Identifier(name))
    for name in Table.metadata.tables
)


@pytest.fixture(scope="session")
def postgres() -> Iterator[tuple[str, Path]]:
    """The URL (SQLAlchemy, psycopg 3) of the maintenance database of a real PostgreSQL, and the file of its log."""
    with open_directory(memory()) as directory:
        cluster = PostgresCluster(directory / "postgres", UNSAFE_AND_FAST)
        cluster.create()
        with running(cluster, directory) as port:
            yield cluster.url(port), directory / "postgres.log"


@pytest.fixture(scope="session")
def postgres_url(postgres: tuple[str, Path]) -> str:
    """Its URL; the user may do everything."""
    return postgres[0]


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> str:
    """The name of a database with every migration applied and nothing in it, to copy."""
    _execute(postgres_url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    migrate.upgrade(_with_database(postgres_url, TEMPLATE))
    # Many tests start as one caller, for the same address; those of the limits set them.
    _execute(_with_database(postgres_url, TEMPLATE), sql.SQL("UPDATE limits SET number = 1000000").format())
    for role in DatabaseRole:
        login = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE {}")
        names = (sql.Identifier(f"test_{role}"), sql.Literal(LOGIN_PASSWORD), sql.Identifier(role))
        _execute(postgres_url, login.format(*names))
    return TEMPLATE


def as_role(url: str, role: DatabaseRole) -> str:
    """The URL of the same database for a login with no more rights than a role."""
    return make_url(url).set(username=f"test_{role}", password=LOGIN_PASSWORD).render_as_string(hide_password=False)


@contextmanager
def migrated_database(postgres_url: str, template_database: str) -> Iterator[str]:
    """A migrated database with nothing in it, for a while; its URL."""
    name = _copy(postgres_url, template_database)
    yield _with_database(postgres_url, name)
    _drop(postgres_url, name)


class EmptyDatabases:
    """Migrated databases with nothing in them: emptied after use, which takes a fifth of the time of making another one.

    One of which more than rows was changed is dropped.
    """

    def __init__(self, postgres_url: str, template: str) -> None:
        self._url = postgres_url
        self._template = template
        self._idle: list[str] = []
        self._shape: object = None
        self._rows: dict[str, str] = {}
        """What is in the tables of an empty one, as JSON."""

    @contextmanager
    def one(self) -> Iterator[str]:
        """One of them, for a while; its URL."""
        name = self._idle.pop() if self._idle else self._make()
        yield _with_database(self._url, name)
        if self._is_emptied(name):
            self._idle.append(name)
        else:
            _drop(self._url, name)

    def _make(self) -> str:
        name = _copy(self._url, self._template)
        if self._shape is None:
            with self._connected(name) as connection:
                self._shape = connection.execute(_SHAPE).fetchone()
                self._rows = {table: self._rows_of(connection, table) for table in self._filled(connection)}
        return name

    def _is_emptied(self, name: str) -> bool:
        with self._connected(name) as connection:
            others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
            connection.execute(others, [name]).fetchall()
            size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
            if size is None or size[0] > LARGEST or connection.execute(_SHAPE).fetchone() != self._shape:
                return False
            with connection.transaction():
                connection.execute("SET LOCAL session_replication_role = replica")  # neither references nor triggers
                for table in self._filled(connection):
                    self._put_back(connection, table)
                connection.execute("SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence")
        return True

    def _put_back(self, connection: psycopg.Connection, table: str) -> None:
        rows = self._rows.get(table)
        if rows is not None and rows == self._rows_of(connection, table):
            return
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        if rows is not None:
            again = "INSERT INTO {0} OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(NULL::{0}, %s::json)"
            connection.execute(sql.SQL(again).format(sql.Identifier(table)), [rows])

    @contextmanager
    def _connected(self, name: str) -> Iterator[psycopg.Connection]:
        with psycopg.connect(_plain(_with_database(self._url, name)), autocommit=True) as connection:
            yield connection

    @staticmethod
    def _filled(connection: psycopg.Connection) -> list[str]:
        return [name for (name,) in connection.execute(_HAS_ROWS)]

    @staticmethod
    def _rows_of(connection: psycopg.Connection, table: str) -> str:
        rows = sql.SQL("SELECT json_agg(t ORDER BY t::text)::text FROM {} t").format(sql.Identifier(table))
        found = connection.execute(rows).fetchone()
        assert found is not None
        return str(found[0])


@pytest.fixture(scope="session")
def empty_databases(postgres_url: str, template_database: str) -> EmptyDatabases:
    """The databases that are used again in this session."""
    return EmptyDatabases(postgres_url, template_database)


@pytest.fixture
def database_url(empty_databases: EmptyDatabases) -> Iterator[str]:
    """The URL of a migrated database for one test alone."""
    with empty_databases.one() as url:
        yield url


def _copy(postgres_url: str, template: str) -> str:
    name = next(_names)
    # Copied file by file, not row by row through the log: there is nobody else to disturb by the checkpoint that it takes.
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    _execute(postgres_url, copy.format(sql.Identifier(name), sql.Identifier(template)))
    return name


def _drop(postgres_url: str, name: str) -> None:
    _execute(postgres_url, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _execute(url: str, statement: sql.Composed) -> None:
    with psycopg.connect(_plain(url), autocommit=True) as connection:
        connection.execute(statement)


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")


def _with_database(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"

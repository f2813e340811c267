"""The database of the organizations' data: read in one snapshot by a role that may only read, erased by its owner."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, LiteralString, Self

import psycopg
from psycopg import IsolationLevel, errors, sql
from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from domain.data_schema import RESERVED_SCHEMAS
from storage.database import DatabaseUrlMalformed, url_with_password
from storage.refusals import database_in_words, reason_in_words
from storage.tenants import refusals
from storage.tenants.catalog import Source, sources_in

READER_ROLE = "offramp_tenant_reader"

_TRIES = 5
_KEEPALIVES: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
# The server's side of the same: a client whose machine is gone is noticed and its transaction ended, which would
# otherwise keep its locks and the dead rows of the whole database. Names are looked up only in the system's own schema,
# so that nothing that an organization has created is called in place of what is meant.
_OPTIONS = (
    "-c statement_timeout=0 -c timezone=UTC -c datestyle=ISO -c search_path=pg_catalog "
    "-c idle_in_transaction_session_timeout=30min -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 "
    "-c tcp_keepalives_count=3"
)
_SCHEMA: LiteralString = "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = %s"
_READABLE: LiteralString = """
    SELECT n.nspname FROM pg_namespace n JOIN pg_roles r ON r.rolname = %s
    WHERE has_schema_privilege(r.oid, n.oid, 'USAGE') AND n.nspname !~ '^pg_' AND n.nspname <> ALL (%s)
    ORDER BY n.nspname
"""


class TenantDatabaseSettings(BaseSettings):
    """The address of the organizations' data.

    ``OFFRAMP_TENANT_DATABASE_URL``: ``postgresql://user:password@host:port/database``, PostgreSQL 15 or newer; without
    it no organization has data here. ``OFFRAMP_TENANT_DATABASE_PASSWORD_FILE``: a file with the password alone; the URL
    then has none. ``OFFRAMP_TENANT_READER_ROLE``: the role by which data is read.

    Raises DatabaseUrlMalformed, DatabasePasswordUnusable.
    """

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", hide_input_in_errors=True)

    tenant_database_url: str | None = Field(default=None, repr=False)
    tenant_database_password_file: Path | None = None
    tenant_reader_role: str = READER_ROLE

    @field_validator("tenant_database_url", "tenant_database_password_file", mode="before")
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return value or None

    @field_validator("tenant_reader_role", mode="before")
    @classmethod
    def _default_when_empty(cls, value: object) -> object:
        return value or READER_ROLE

    @model_validator(mode="after")
    def _with_password(self) -> Self:
        if self.tenant_database_url is not None and self.tenant_database_password_file is not None:
            self.tenant_database_url = url_with_password(
                self.tenant_database_url,
                self.tenant_database_password_file,
                "OFFRAMP_TENANT_DATABASE_PASSWORD_FILE",
            )
        return self


class TenantDatabase:
    """The database with the organizations' data. Each use is a connection of its own.

    Raises:
        TenantDatabaseNotConfigured: the settings have no URL.
        DatabaseUrlMalformed: they have a malformed one.

    """

    def __init__(self, settings: TenantDatabaseSettings) -> None:
        if settings.tenant_database_url is None:
            raise refusals.TenantDatabaseNotConfigured
        try:
            self.url = make_url(settings.tenant_database_url).set(drivername="postgresql")
        except (ArgumentError, ValueError):
            raise DatabaseUrlMalformed("OFFRAMP_TENANT_DATABASE_URL") from None
        self.reader_role = settings.tenant_reader_role
        self.in_words = database_in_words(self.url)
        self.lock_seconds = 10.0
        """The time, in seconds, that a statement waits for a lock of another transaction."""

    @contextmanager
    def reading(self, schema: str) -> Iterator[psycopg.Connection[Any]]:
        """Yield a connection in one transaction that reads one snapshot of a schema, and cannot write.

        REPEATABLE READ, READ ONLY, as the reader role, with every table of the schema locked against TRUNCATE and DROP
        from before the snapshot is taken: neither respects a snapshot, so that a table emptied meanwhile would be read
        as empty. The tenant can continue reading and writing. Row security is off: a policy that would hide rows is an
        error. ``timezone`` is UTC; only the system's schema is searched for names.

        Raises:
            TenantSchemaUnknown, TenantSchemaNotReadable: also found before anything is yielded.
            TenantDatabaseUnavailable, TenantSchemaBusy: for now; a later attempt may succeed.

        """
        with self._connected() as connection:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            for _ in range(_TRIES):
                with connection.transaction():
                    self._take_role(connection, schema)
                    expected = self._readable(connection, schema)
                with connection.transaction():
                    self._take_role(connection, schema)
                    # The first statement that needs a snapshot comes after the locks, and may find a newer table.
                    if _locked(connection, schema, expected) and self._readable(connection, schema) == expected:
                        yield connection
                        return
            raise refusals.TenantSchemaBusy(schema)

    @contextmanager
    def writing(self) -> Iterator[psycopg.Connection[Any]]:
        """Yield a connection of the owner of the data; every statement is a transaction of its own.

        Raises TenantDatabaseUnavailable, also while it is used.
        """
        with self._connected() as connection:
            connection.autocommit = True
            with suppress(errors.InvalidParameterValue):  # a server on a system without this check
                # The statement of a killed client is ended soon, so that the next attempt finds no lock.
                connection.execute("SET client_connection_check_interval = '2s'")
            yield connection

    def readable_schemas(self) -> list[str]:
        """Return the schemas into which the reader role is let, without those of the system; none where it does not exist.

        Raises TenantDatabaseUnavailable.
        """
        with self.writing() as connection:
            return [row[0] for row in connection.execute(_READABLE, (self.reader_role, sorted(RESERVED_SCHEMAS)))]

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        connection: psycopg.Connection[Any] | None = None
        conninfo = self.url.render_as_string(hide_password=False)
        try:
            options = f"{_OPTIONS} -c lock_timeout={round(self.lock_seconds * 1000)}"
            connection = psycopg.connect(conninfo, connect_timeout=5, options=options, **_KEEPALIVES)
            with connection:
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            if connection is None or connection.broken or (error.sqlstate or "")[:2] in ("08", "28", "3D", "53", "57"):
                reason = reason_in_words(error.sqlstate, str(error))
                raise refusals.TenantDatabaseUnavailable(self.in_words, reason) from None
            raise

    def _take_role(self, connection: psycopg.Connection[Any], schema: str) -> None:
        try:
            # As statements, not by set_config: a SELECT would take the snapshot before the locks.
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(self.reader_role)))
        except (errors.InvalidParameterValue, errors.InsufficientPrivilege):
            raise refusals.TenantSchemaNotReadable.without_role(schema, self.reader_role) from None
        connection.execute("SET LOCAL row_security = off")

    def _readable(self, connection: psycopg.Connection[Any], schema: str) -> list[Source]:
        """Return the tables to read; refuse unless the role may read all of them."""
        found = connection.execute(_SCHEMA, (schema,)).fetchone()
        if found is None:
            raise refusals.TenantSchemaUnknown(schema)
        if not found[0]:
            raise refusals.TenantSchemaNotReadable.without_usage(schema, self.reader_role)
        sources = sources_in(connection, schema)
        if denied := [source.name for source in sources if not source.may_select]:
            raise refusals.TenantSchemaNotReadable.without_select(schema, self.reader_role, denied)
        if hidden := [source.name for source in sources if source.row_security]:
            raise refusals.TenantSchemaNotReadable.with_row_security(schema, self.reader_role, hidden)
        return sources


def _locked(connection: psycopg.Connection[Any], schema: str, sources: list[Source]) -> bool:
    """Lock tables against TRUNCATE and DROP; False if one of them is gone already."""
    if not sources:
        return True
    tables = sql.SQL(", ").join(source.sql for source in sources)
    try:
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(tables))
    except errors.UndefinedTable:
        return False
    except errors.LockNotAvailable:
        raise refusals.TenantSchemaBusy(schema) from None
    return True


def ensure_reader_role(connection: psycopg.Connection[Any], role: str = READER_ROLE) -> None:
    """Create the reader role if it is missing, and let it read whatever this user creates here from now on.

    For the local stack and for tests, whose user may do everything; elsewhere an administrator decides
    (docs/operations.md). Running it again, or twice at once, changes nothing more.
    """
    name = sql.Identifier(role)
    with suppress(errors.DuplicateObject, errors.UniqueViolation), connection.transaction():
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (role,))
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
        for privilege in (sql.SQL("USAGE ON SCHEMAS"), sql.SQL("SELECT ON TABLES"), sql.SQL("SELECT ON SEQUENCES")):
            connection.execute(sql.SQL("ALTER DEFAULT PRIVILEGES GRANT {} TO {}").format(privilege, name))


def grant_reading(connection: psycopg.Connection[Any], schema: str, role: str = READER_ROLE) -> None:
    """Let the reader role read a schema that exists already."""
    place, to = sql.Identifier(schema), sql.Identifier(role)
    with connection.transaction():
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(place, to))
        connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(place, to))
        connection.execute(sql.SQL("GRANT SELECT ON ALL SEQUENCES IN SCHEMA {} TO {}").format(place, to))

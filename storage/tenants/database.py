"""The database of the organizations' data: each read in one snapshot and erased as a login of its own, and no other way."""

from collections.abc import Container, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any

import psycopg
from psycopg import IsolationLevel, errors
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from storage.database import DatabaseUrlMalformed
from storage.refusals import database_in_words, reason_in_words
from storage.tenants import refusals
from storage.tenants.catalog import exists
from storage.tenants.code import refuse_unreviewed
from storage.tenants.logins import Tenant, prepared_schemas, refuse_powers_beyond
from storage.tenants.opening import refuse_unsafe, snapshot
from storage.tenants.places import Places
from storage.tenants.sessions import (
    StoppedBy,
    as_organization,
    end_session,
    end_when_the_client_is_gone,
    never_stopped,
    within,
)
from storage.tenants.settings import TenantDatabaseSettings

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
    "-c statement_timeout=0 -c timezone=UTC -c datestyle=ISO -c search_path=pg_catalog,pg_temp "
    "-c idle_in_transaction_session_timeout=30min -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 "
    "-c tcp_keepalives_count=3"
)
_REFUSED_LOGIN = ("28000", "28P01")


class TenantDatabase:
    """The database with the organizations' data. Each use is a connection of its own.

    Raises:
        TenantDatabaseNotConfigured: the settings have no URL.
        DatabaseUrlMalformed: they have a malformed one.
        TenantLoginSecretUnusable: they have no secret of the organizations' logins.

    """

    def __init__(self, settings: TenantDatabaseSettings) -> None:
        if settings.tenant_database_url is None:
            raise refusals.TenantDatabaseNotConfigured
        if settings.tenant_login_secret is None:
            raise refusals.TenantLoginSecretUnusable("it is not set")
        self.url = _parsed(settings.tenant_database_url, "OFFRAMP_TENANT_DATABASE_URL")
        self.administrator = (
            _parsed(settings.tenant_administrator_url, "OFFRAMP_TENANT_ADMINISTRATOR_URL")
            if settings.tenant_administrator_url is not None
            else None
        )
        self._secret = settings.tenant_login_secret
        self.in_words = database_in_words(self.url)
        self.lock_seconds = 10.0
        """The time, in seconds, that a statement waits for each lock of another transaction."""
        self.opening_seconds = 30.0
        """The time, in seconds, that it takes at most to check a schema and to lock its tables."""
        self._places = Places()

    def working_for(self, organization: str) -> AbstractContextManager[None]:
        """Return a block for long work on an organization's data: few run at once for one organization in a process.

        Raises TenantWorkWaits.
        """
        return self._places.taken(organization)

    @contextmanager
    def reading(
        self, tenant: Tenant, *, reviewed: Container[str] = (), stopped_by: StoppedBy = never_stopped
    ) -> Iterator[psycopg.Connection[Any]]:
        """Yield a connection in one transaction that reads one snapshot of an organization's schema, and cannot write.

        REPEATABLE READ, READ ONLY, as the organization's login, with every table of the schema locked against TRUNCATE and
        DROP from before the snapshot is taken: neither respects a snapshot, so that a table emptied meanwhile would be
        read as empty. The tenant can continue reading and writing. Row security is off: a policy that would hide rows is
        an error. ``timezone`` is UTC; only the system's schema is searched for names. ``reviewed`` are the digests of
        code (`storage.tenants.code`) that people have looked at. ``stopped_by`` gets the function that ends the session.

        Raises:
            TenantSchemaUnknown, TenantSchemaNotOwned, TenantLoginTooPowerful, TenantSchemaHasCode, TenantSchemaTooLarge,
            TenantSchemaNotReadable: before anything is yielded.
            TenantDatabaseUnavailable, TenantLoginRefused, TenantSchemaBusy: for now; a later attempt may succeed.

        """
        with self._as_tenant(tenant, stopped_by) as connection, ExitStack() as transaction:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            with within(connection, self.opening_seconds, refusals.TenantSchemaBusy(tenant.schema)):
                transaction.push(snapshot(connection, tenant, reviewed))
            try:
                yield connection
            except errors.LockNotAvailable:
                # Of an index, or a table beside a table: only the tables themselves are locked here.
                raise refusals.TenantSchemaBusy(tenant.schema) from None

    @contextmanager
    def erasing(
        self, tenant: Tenant, *, reviewed: Container[str] | None = (), stopped_by: StoppedBy = never_stopped
    ) -> Iterator[psycopg.Connection[Any]]:
        """Yield a connection as the organization's login; every statement is a transaction of its own.

        ``reviewed`` as in `reading`; None where an erasure continues that has taken a part of the code already. A schema
        that is gone is not refused. ``stopped_by`` gets the function that ends the session.

        Raises:
            TenantSchemaNotOwned, TenantLoginTooPowerful, TenantSchemaHasCode, TenantSchemaTooLarge: before anything is
            yielded.
            TenantDatabaseUnavailable, TenantLoginRefused, TenantSchemaBusy: also while it is used.

        """
        with self._as_tenant(tenant, stopped_by) as connection:
            with (
                within(connection, self.opening_seconds, refusals.TenantSchemaBusy(tenant.schema)),
                suppress(refusals.TenantSchemaUnknown),
            ):
                refuse_unsafe(connection, tenant)
                if reviewed is not None:
                    refuse_unreviewed(connection, tenant, reviewed)
            yield connection

    def refuse_unless_gone(self, tenant: Tenant) -> None:
        """Refuse to take an erasure for done while there is a schema, or anything else that its owners have.

        Looked for by a session in which no code of an organization has ever run.

        Raises:
            TenantSchemaBusy: something of it is there.
            TenantLoginTooPowerful: its owners have something elsewhere.

        """
        with self.directory() as connection:
            if exists(connection, tenant.schema):
                raise refusals.TenantSchemaBusy(tenant.schema)
            refuse_powers_beyond(connection, tenant.login, tenant.schema)

    @contextmanager
    def directory(self) -> Iterator[psycopg.Connection[Any]]:
        """Yield a connection that sees the catalog, and the data of nobody.

        Raises TenantLoginTooPowerful, TenantDatabaseUnavailable.
        """
        with self._connected(self.url) as connection:
            connection.autocommit = True
            refuse_powers_beyond(connection, connection.info.user, None)
            yield connection

    @contextmanager
    def looking_at(self, schema: str) -> Iterator[psycopg.Connection[Any]]:
        """Yield a connection as that of `directory`, to look at one schema for a limited time.

        Raises as `directory`, and TenantSchemaBusy.
        """
        busy = refusals.TenantSchemaBusy(schema)
        with self.directory() as connection, within(connection, self.opening_seconds, busy):
            connection.execute("SET lock_timeout = '1s'")  # a person waits for the answer
            try:
                yield connection
            except errors.LockNotAvailable:
                raise busy from None

    @contextmanager
    def administering(self) -> Iterator[psycopg.Connection[Any]]:
        """Yield a connection that may create roles and schemas; nothing that an organization has defined is called by it.

        Raises TenantAdministratorNotConfigured, TenantDatabaseUnavailable.
        """
        if self.administrator is None:
            raise refusals.TenantAdministratorNotConfigured
        with self._connected(self.administrator) as connection:
            connection.autocommit = True
            yield connection

    def login_url(self, tenant: Tenant) -> URL:
        """Return the address as which a program reads an organization's data, with the password."""
        return self.url.set(username=tenant.login, password=self.password(tenant))

    def password(self, tenant: Tenant) -> str:
        """Return the password of an organization's login."""
        return tenant.password(self._secret)

    def refuse_powerful_user(self) -> None:
        """Refuse to work with a user of the settings that can do more than look into the catalog.

        Raises TenantLoginTooPowerful, TenantDatabaseUnavailable.
        """
        with self.directory():
            pass

    def prepared_schemas(self) -> list[str]:
        """Return the schemas that are the data of an organization with a login.

        Raises TenantLoginTooPowerful, TenantDatabaseUnavailable.
        """
        with self.directory() as connection:
            return prepared_schemas(connection)

    @contextmanager
    def _as_tenant(self, tenant: Tenant, stopped_by: StoppedBy) -> Iterator[psycopg.Connection[Any]]:
        with (
            self._connected(self.login_url(tenant), tenant) as connection,
            stopped_by(lambda: end_session(connection)),
        ):
            connection.autocommit = True
            as_organization(connection)
            end_when_the_client_is_gone(connection)
            yield connection

    @contextmanager
    def _connected(self, url: URL, tenant: Tenant | None = None) -> Iterator[psycopg.Connection[Any]]:
        connection: psycopg.Connection[Any] | None = None
        # Not as a URL: libpq takes fewer characters as they are than SQLAlchemy leaves.
        address = {**url.query, **url.translate_connect_args(username="user", database="dbname")}
        try:
            options = f"{_OPTIONS} -c lock_timeout={round(self.lock_seconds * 1000)}"
            # Of the connection, because a role may have a default of its own for it.
            given = {**_KEEPALIVES, **address, "connect_timeout": 5, "options": options, "client_encoding": "UTF8"}
            connection = psycopg.connect(**given)
            with connection:
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            if connection is None or connection.broken or (error.sqlstate or "")[:2] in ("08", "28", "3D", "53", "57"):
                reason = reason_in_words(error.sqlstate, str(error))
                if connection is None and tenant is not None and _is_refused_login(error):
                    raise refusals.TenantLoginRefused(tenant.organization, tenant.login) from None
                raise refusals.TenantDatabaseUnavailable(self.in_words, reason) from None
            raise


def _parsed(url: str, variable: str) -> URL:
    try:
        return make_url(url).set(drivername="postgresql")
    except (ArgumentError, ValueError):
        raise DatabaseUrlMalformed(variable) from None


def _is_refused_login(error: psycopg.Error) -> bool:
    # The driver knows no SQLSTATE of a connection that did not come about.
    return error.sqlstate in _REFUSED_LOGIN or "authentication failed" in str(error)

"""The opening of an organization's schema: what it is refused for, and one snapshot of all its tables."""

from collections.abc import Container
from contextlib import ExitStack
from typing import Any

import psycopg
from psycopg import errors, sql

from storage.tenants import refusals
from storage.tenants.catalog import Source, sources_in
from storage.tenants.code import refuse_unreviewed
from storage.tenants.logins import Tenant, refuse_powers_beyond, refuse_unless_owner

_TRIES = 5


def snapshot(connection: psycopg.Connection[Any], tenant: Tenant, reviewed: Container[str]) -> ExitStack:
    """Begin a transaction that has locked every table before its snapshot; return what ends it."""
    for _ in range(_TRIES):
        with connection.transaction():
            connection.execute("SET LOCAL row_security = off")
            refuse_unsafe(connection, tenant)
            refuse_unreviewed(connection, tenant, reviewed)
            expected = readable(connection, tenant.schema, tenant.login)
        with ExitStack() as transaction:
            transaction.enter_context(connection.transaction())
            connection.execute("SET LOCAL row_security = off")
            # The first statement that needs a snapshot comes after the locks, and may find a newer table.
            if (
                _locked(connection, tenant.schema, expected)
                and readable(connection, tenant.schema, tenant.login) == expected
            ):
                return transaction.pop_all()
    raise refusals.TenantSchemaBusy(tenant.schema)


def refuse_unsafe(connection: psycopg.Connection[Any], tenant: Tenant) -> None:
    """Refuse a session that could do more than its organization, or with a schema that is not the organization's."""
    refuse_unless_owner(connection, tenant)
    refuse_powers_beyond(connection, tenant.login, tenant.schema)


def readable(connection: psycopg.Connection[Any], schema: str, login: str) -> list[Source]:
    """Return the tables to read. Raises TenantSchemaNotReadable unless the login, which is the session's, may read all of them."""
    sources = sources_in(connection, schema)
    if denied := [source.name for source in sources if not source.may_select]:
        raise refusals.TenantSchemaNotReadable.without_select(schema, login, denied)
    if hidden := [source.name for source in sources if source.row_security]:
        raise refusals.TenantSchemaNotReadable.with_row_security(schema, login, hidden)
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

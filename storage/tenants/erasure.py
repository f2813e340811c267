"""The erasure of an organization's schema: one object after the other, each by its name, never beyond the schema.

The catalog says what is left, so nothing has to be recorded between two steps, and after a crash in one the next
attempt continues. Each step is short, except for counting the rows of a table, which are counted when they can no longer
change: the certificate names what was erased, not what was there some time before.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import errors, sql
from psycopg.rows import dict_row

from storage.tenants import refusals
from storage.tenants.erasure_sql import CIRCLE, FOREIGN_KEY, FREE, OUTSIDE
from storage.tenants.sessions import within

_GONE_MEANWHILE = (errors.UndefinedTable, errors.UndefinedObject, errors.UndefinedFunction, errors.InvalidSchemaName)
_TABLES = ("table", "partition")


@dataclass(frozen=True, slots=True)
class ErasedStep:
    """One object that was erased."""

    kind: str
    """``table``, ``partition``, ``view``, ``foreign key``, ``function`` and so on, as PostgreSQL calls them; ``schema``
    is the last."""
    name: str
    """The name of a relation as it is; anything else as SQL names it. Unique among those of its kind."""
    rows: int | None = None
    """The rows of a table, counted under a lock when it was erased; a partitioned table has those of no partition."""
    bytes: int | None = None
    """The size on disk, with indexes and long values."""


def erase_step(
    connection: psycopg.Connection[Any], schema: str, *, before: Callable[[ErasedStep], object] = lambda _: None
) -> ErasedStep | None:
    """Erase the next object of a schema, in the end the schema itself; None when it is gone.

    It runs in a transaction of its own. ``before`` is called with the object when it is locked and counted, and still there.
    Call it again until it returns None. ``connection`` is one of `TenantDatabase.erasing`, whose user owns all that is erased.
    Callers take turns by a lock of their own: one that code in this database could take would stop the erasure of others.
    Foreign keys go first, then objects that nothing else needs: views, tables, and what tables are made of. Only where
    objects need one another in a circle does one take the others of the schema with it.

    Raises:
        TenantSchemaNeededElsewhere: something outside the schema needs something in it; nothing more is erased.
        TenantSchemaNotWritable: this user may not do it.
        TenantSchemaBusy: others read, change or erase what would be erased next; a later attempt may succeed.

    """
    doing = _Doing()
    locked = ExitStack()

    def announce(doomed: ErasedStep) -> None:
        # What an organization's code has put off to the end of the transaction, it does before the case is locked.
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        locked.enter_context(within(connection, LOCKED_SECONDS, refusals.TenantSchemaBusy(schema, doing.what)))
        before(doomed)
        connection.execute(_SOON)

    with (
        _refusing(connection, schema, doing),
        locked,
        connection.transaction(),
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        if cursor.execute("SELECT FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone() is None:
            return None
        given = {"schema": schema}
        if outside := [row["needs"] for row in cursor.execute(OUTSIDE, given).fetchall()]:
            raise refusals.TenantSchemaNeededElsewhere(schema, outside)
        if found := cursor.execute(FOREIGN_KEY, given).fetchone():
            doing.what = f"foreign key {refusals.quoted(found['name'])}"
            return _drop_foreign_key(connection, schema, found, announce)
        for query, how in ((FREE, "RESTRICT"), (CIRCLE, "CASCADE")):
            if found := cursor.execute(query, given).fetchone():
                doing.what, doing.oid = f"{found['kind']} {refusals.quoted(found['name'])}", found["oid"]
                return _drop(connection, schema, found, how, announce)
        _reset_settings(connection)
        announce(last := ErasedStep("schema", schema))
        connection.execute(sql.SQL("DROP SCHEMA {} RESTRICT").format(sql.Identifier(schema)))
        return last


_SETTINGS: LiteralString = """
    SELECT r.rolname::text, d.datname::text FROM pg_db_role_setting s
    JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
    WHERE pg_has_role(session_user, r.oid, 'MEMBER') LIMIT 1000
"""


def _reset_settings(connection: psycopg.Connection[Any]) -> None:
    """Take away what code has written into the settings of the login and of the owners that it is, for whatever database."""
    for role, database in connection.execute(_SETTINGS).fetchall():
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
        within_it = sql.SQL("IN DATABASE {} ").format(sql.Identifier(database)) if database else sql.SQL("")
        connection.execute(sql.SQL("ALTER ROLE CURRENT_USER {}RESET ALL").format(within_it))
        connection.execute("RESET ROLE")


@dataclass(slots=True)
class _Doing:
    """The object that is being erased, for a refusal."""

    what: str = ""
    oid: int = 0


_HOLDERS: LiteralString = """
    SELECT DISTINCT a.usename::text FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
    WHERE l.relation = %s AND l.granted AND l.pid <> pg_backend_pid() AND a.usename IS NOT NULL ORDER BY 1 LIMIT 3
"""
LOCKED_SECONDS = 40.0
"""The longest time, in seconds, for which the case is locked: code can catch the end of its statement, and its commit can call it."""

# The case is locked meanwhile: what others hold is waited for no longer, but tried again.
_SOON: LiteralString = "SET LOCAL lock_timeout = '1s'; SET LOCAL statement_timeout = '30s'"


@contextmanager
def _refusing(connection: psycopg.Connection[Any], schema: str, doing: _Doing) -> Iterator[None]:
    try:
        yield
    except (errors.LockNotAvailable, errors.DeadlockDetected, errors.QueryCanceled, *_GONE_MEANWHILE):
        if connection.closed:
            raise
        holders = [str(user) for (user,) in connection.execute(_HOLDERS, (doing.oid,)).fetchall()]
        raise refusals.TenantSchemaBusy(schema, doing.what, holders) from None
    except errors.InternalError_ as error:
        if "concurrently" not in str(error.diag.message_primary):  # two drop one thing
            raise
        raise refusals.TenantSchemaBusy(schema, doing.what) from None
    except errors.InsufficientPrivilege as error:
        raise refusals.TenantSchemaNotWritable(schema, " ".join(refusals.said(error)) or doing.what) from None
    except errors.DependentObjectsStillExist as error:
        raise refusals.TenantSchemaNeededElsewhere(schema, refusals.said(error) or ["nothing that is known"]) from None


def _drop_foreign_key(
    connection: psycopg.Connection[Any], schema: str, found: dict[str, Any], announce: Callable[[ErasedStep], None]
) -> ErasedStep:
    table, name = sql.Identifier(schema, found["table_name"]), sql.Identifier(found["name"])
    announce(
        key := ErasedStep("foreign key", f"{refusals.quoted(found['table_name'])}.{refusals.quoted(found['name'])}")
    )
    connection.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {} RESTRICT").format(table, name))
    return key


def _drop(
    connection: psycopg.Connection[Any],
    schema: str,
    found: dict[str, Any],
    how: str,
    announce: Callable[[ErasedStep], None],
) -> ErasedStep:
    rows = size = None
    kind, name = found["kind"], found["name"]
    if kind in _TABLES:
        rows = _count(connection, sql.Identifier(schema, name), found)
    if kind in (*_TABLES, "materialized view"):
        [size] = connection.execute("SELECT pg_total_relation_size(%s::oid)", (found["oid"],)).fetchone() or (0,)
    announce(doomed := ErasedStep(kind, name, rows, size))
    connection.execute(f"DROP {found['command']} {found['identity']} {how}".encode())
    return doomed


def _count(connection: psycopg.Connection[Any], table: sql.Identifier, found: dict[str, Any]) -> int:
    connection.execute(sql.SQL("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE").format(table))
    if found["binds_its_owner"]:
        connection.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(table))
    connection.execute("SET LOCAL row_security = off")  # rows that a policy would hide are an error, not left out
    source = sql.SQL("{}" if found["partitioned"] else "ONLY {}").format(table)
    [rows] = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(source)).fetchone() or (0,)
    return int(rows)

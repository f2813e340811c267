"""Logins of PostgreSQL, made or given another password."""

from collections.abc import Callable
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import errors, sql

Result = TypeVar("Result")

_TRIES = 10

_ROLE: LiteralString = "SELECT FROM pg_roles WHERE rolname = %s"


def ensure_login(connection: psycopg.Connection[Any], user: str, password: str, *, connections: int = -1) -> None:
    """Make a login, or set its password anew; it gets no rights. The password goes over the line as its verifier alone.

    ``connections`` is the largest number of them at once; -1 for as many as there are. ``connection`` is that of a user who may
    create roles.
    """
    name = sql.Identifier(user)
    verifier = connection.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256").decode()
    if not role_exists(connection, user):
        connection.execute(sql.SQL("CREATE ROLE {}").format(name))
    connection.execute(
        sql.SQL("ALTER ROLE {} LOGIN INHERIT CONNECTION LIMIT {} PASSWORD {}").format(
            name, sql.Literal(connections), sql.Literal(verifier)
        )
    )


def beside_others(work: Callable[[], Result]) -> Result:
    """Return the result of a transaction on roles or schemas, made again where another one has changed the same meanwhile.

    No advisory lock: every user of a database can take any of them, and keep it.
    """
    for _ in range(_TRIES - 1):
        try:
            return work()
        except (errors.UniqueViolation, errors.DuplicateObject, errors.DuplicateSchema, errors.DeadlockDetected):
            continue
        except errors.InternalError_ as error:
            if "concurrently" not in str(error.diag.message_primary):
                raise
    return work()


def role_exists(connection: psycopg.Connection[Any], role: str) -> bool:
    """Return true if there is a role of this name."""
    return connection.execute(_ROLE, (role,)).fetchone() is not None

"""The roles of the local stack's own database: its owner, and a login for each kind of process with the rights it needs."""

import secrets
from collections.abc import Mapping

import psycopg
from psycopg import sql

from starter.local import HOST
from starter.local.data_directory import DataDirectory
from starter.local.ports import Ports
from starter.local.postgres import PostgresCluster
from storage.logins import ensure_login
from storage.rights import DatabaseRole

DATABASE = "offramp"
OWNER = "offramp_owner"
_OWNER_VARIABLE = "OFFRAMP_DATABASE_OWNER_URL"

# Those of a stack of before, in which everything belonged to the superuser.
_OF_OTHERS = """
    SELECT 'TABLE' AS kind, oid::regclass::text AS name FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relowner <> %(owner)s::regrole
    UNION ALL
    SELECT 'ROUTINE', oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND proowner <> %(owner)s::regrole
"""


def ensure_database_roles(data: DataDirectory, cluster: PostgresCluster, port: int) -> None:
    """Make the roles, unless they are there, and give the database with all that is in it to its owner."""
    database, owner = sql.Identifier(DATABASE), sql.Identifier(OWNER)
    with psycopg.connect(cluster.conninfo(port, DATABASE), autocommit=True) as connection:
        for role in (OWNER, *DatabaseRole):
            ensure_login(connection, role, password_of(data, role))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, owner))
        # Organizations' logins are in the same server, and have nothing to look for here.
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        logins = sql.SQL(", ").join(map(sql.Identifier, DatabaseRole))
        connection.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, logins))
        for kind, name in connection.execute(_OF_OTHERS, {"owner": OWNER}).fetchall():
            connection.execute(f"ALTER {kind} {name} OWNER TO {OWNER}".encode())


def database_environment(data: DataDirectory, ports: Ports) -> dict[str, str]:
    """Return the variables of commands: the database as callers see it, and its owner for the set-up."""
    return {
        "OFFRAMP_DATABASE_URL": _url(data, ports, DatabaseRole.CALLERS),
        _OWNER_VARIABLE: _url(data, ports, OWNER),
    }


def as_role(environment: Mapping[str, str], role: DatabaseRole, data: DataDirectory, ports: Ports) -> dict[str, str]:
    """Return the environment of a process that has the rights of a role, and not those of the owner."""
    others = {name: value for name, value in environment.items() if name != _OWNER_VARIABLE}
    return {**others, "OFFRAMP_DATABASE_URL": _url(data, ports, role)}


def _url(data: DataDirectory, ports: Ports, user: str) -> str:
    return f"postgresql+psycopg://{user}:{password_of(data, user)}@{HOST}:{ports.postgres}/{DATABASE}"


def password_of(data: DataDirectory, user: str) -> str:
    """Return the password of a login of the local stack, made with the first call."""
    return data.secret(f"{user}-password".replace("_", "-"), lambda: secrets.token_urlsafe(24))

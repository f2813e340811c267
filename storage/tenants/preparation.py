"""The preparation of a schema: an owner that owns nothing else, and the organization's login as its only other member.

The administrator's part. It calls nothing that an organization has defined.
"""

from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import errors, sql
from psycopg.rows import class_row

from storage.logins import beside_others, ensure_login, role_exists
from storage.tenants import code_refusals, refusals
from storage.tenants.code import calls_of_others
from storage.tenants.erasure_sql import MEMBERS
from storage.tenants.logins import Tenant, refuse_powers_beyond, role_name

OWNER_PREFIX = "offramp_owner_"
_CONNECTIONS = 20
_CONNECTIONS_OF_A_TENANT = 8
"""The largest number of sessions as one organization, in all processes: two works of two sessions each, twice over. What
an organization's own code keeps open, it takes from nobody else."""

_OWNERS: LiteralString = """
    SELECT 'pg_class'::regclass AS classid, oid, relowner AS owner FROM pg_class
    UNION ALL SELECT 'pg_type'::regclass, oid, typowner FROM pg_type
    UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc
    UNION ALL SELECT 'pg_operator'::regclass, oid, oprowner FROM pg_operator
    UNION ALL SELECT 'pg_opclass'::regclass, oid, opcowner FROM pg_opclass
    UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfowner FROM pg_opfamily
    UNION ALL SELECT 'pg_collation'::regclass, oid, collowner FROM pg_collation
    UNION ALL SELECT 'pg_conversion'::regclass, oid, conowner FROM pg_conversion
    UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxowner FROM pg_statistic_ext
    UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgowner FROM pg_ts_config
    UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictowner FROM pg_ts_dict
"""
_POSSESSIONS: LiteralString = f"""
    SELECT owner.rolname AS owner, owner.rolsuper AS by_superuser,
           CASE WHEN thing.type = 'statistics object' THEN 'STATISTICS'
                WHEN thing.type IN ('function', 'procedure', 'aggregate') THEN 'ROUTINE'
                ELSE upper(thing.type) END AS command, thing.identity
    FROM ({MEMBERS}) m JOIN ({_OWNERS}) o ON o.classid = m.classid AND o.oid = m.objid
    JOIN pg_roles owner ON owner.oid = o.owner
    CROSS JOIN LATERAL pg_identify_object(m.classid, m.objid, 0) AS thing
    UNION ALL
    SELECT owner.rolname, owner.rolsuper, 'SCHEMA', quote_ident(n.nspname)
    FROM pg_namespace n JOIN pg_roles owner ON owner.oid = n.nspowner WHERE n.nspname = %(schema)s
"""  # noqa: S608 - constants of this module


@dataclass(frozen=True, slots=True)
class Possession:
    """An object of a schema, with its owner."""

    owner: str
    by_superuser: bool
    command: str
    identity: str


def ensure_directory(connection: psycopg.Connection[Any], user: str, password: str) -> None:
    """Make the user that looks into the catalog, or set its password anew; it gets no rights.

    ``connection`` is that of a user who may create roles.
    """

    def ensured() -> None:
        with connection.transaction():
            ensure_login(connection, user, password, connections=_CONNECTIONS)

    beside_others(ensured)


def ensure_administrator(connection: psycopg.Connection[Any], user: str, password: str) -> None:
    """Make a user that may create roles and nothing else, or set its password anew; for a stack on one machine."""
    ensure_directory(connection, user, password)
    connection.execute(sql.SQL("ALTER ROLE {} CREATEROLE").format(sql.Identifier(user)))


def own_schema(connection: psycopg.Connection[Any], tenant: Tenant) -> str:
    """Create the owner of an organization's schema if it is missing, and return the role."""
    owner = role_name(OWNER_PREFIX, tenant.organization)
    if not role_exists(connection, owner):
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(owner)))
    _take(connection, owner)
    return owner


def prepare(connection: psycopg.Connection[Any], tenant: Tenant, password: str) -> list[str]:
    """Give an organization's schema to roles that own nothing else, and make its login; return the owners.

    What a superuser owns in the schema goes to a role made for it: a superuser keeps every right on it. What other roles
    own stays theirs, and the login becomes their member. The password of a login that exists is set anew; run twice, it
    changes nothing more. ``connection`` is one of `TenantDatabase.administering`.

    Raises:
        TenantSchemaUnknown, TenantSchemaMixed, TenantLoginTooPowerful: nothing is changed.
        TenantSchemaNotWritable: this administrator may not do it.
        TenantSchemaBusy: something in it is locked.

    """

    def prepared() -> list[str]:
        with connection.transaction():
            owners = _owners(connection, tenant)
            ensure_login(connection, tenant.login, password, connections=_CONNECTIONS_OF_A_TENANT)
            connect = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                sql.Identifier(connection.info.dbname), sql.Identifier(tenant.login)
            )
            connection.execute(connect)
            for owner in owners:
                grant = sql.SQL("GRANT {} TO {}").format(sql.Identifier(owner), sql.Identifier(tenant.login))
                connection.execute(grant)
            refuse_powers_beyond(connection, tenant.login, tenant.schema)
            return owners

    try:
        return beside_others(prepared)
    except errors.LockNotAvailable:
        raise refusals.TenantSchemaBusy(tenant.schema) from None
    except errors.InsufficientPrivilege as error:
        raise refusals.TenantSchemaNotWritable(tenant.schema, " ".join(refusals.said(error))) from None


def _owners(connection: psycopg.Connection[Any], tenant: Tenant) -> list[str]:
    with connection.cursor(row_factory=class_row(Possession)) as cursor:
        possessions = cursor.execute(_POSSESSIONS, {"schema": tenant.schema}).fetchall()
    if not possessions:
        raise refusals.TenantSchemaUnknown(tenant.schema)
    owners = {possession.owner for possession in possessions if not possession.by_superuser}
    if orphans := [possession for possession in possessions if possession.by_superuser]:
        if calls := calls_of_others(connection, tenant.schema):
            raise code_refusals.TenantSchemaMixed(tenant.schema, calls)
        owner = own_schema(connection, tenant)
        for orphan in orphans:
            statement = f"ALTER {orphan.command} {orphan.identity} OWNER TO {refusals.quoted(owner)}"
            connection.execute(statement.encode())
        owners.add(owner)
    return sorted(owners)


def _take(connection: psycopg.Connection[Any], owner: str) -> None:
    """Become a member of a role that this administrator made, to give things to it; a superuser needs no membership."""
    found = connection.execute("SELECT pg_has_role(%s, 'SET')", (owner,)).fetchone()
    if found is not None and not found[0]:
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(owner)))

"""The login of an organization: the one user as which its data is read and erased, and what that user may not be.

What an organization defines in its schema runs while PostgreSQL plans a query on it, with the rights of the session: a
role that a transaction takes can be reset by such code. So the session itself belongs to a user that can do no more than
the organization can, and this is checked by each session before it touches anything of the organization's.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from domain.data_schema import LONGEST_NAME_IN_BYTES
from storage.tenants import refusals

PREFIX = "offramp_tenant_"
"""The beginning of every organization's login, and of no other role: ids of organizations are the choice of others."""

# Roles that a user has or can take.
_REACHED: LiteralString = """
    reached AS (
        SELECT oid FROM pg_roles WHERE rolname = %(user)s
        UNION
        SELECT m.roleid FROM pg_auth_members m JOIN reached ON m.member = reached.oid
    )
"""
# A policy that the user bypasses is one on the organization's own tables, for it reads no others.
_POWERS: LiteralString = f"""
    WITH RECURSIVE {_REACHED}
    SELECT 'it is a superuser, as the role ' || quote_ident(r.rolname) FROM reached JOIN pg_roles r USING (oid) WHERE r.rolsuper
    UNION ALL
    SELECT 'the role ' || quote_ident(r.rolname) || ' may create roles or databases, or replicate'
    FROM reached JOIN pg_roles r USING (oid) WHERE NOT r.rolsuper AND (r.rolcreaterole OR r.rolcreatedb OR r.rolreplication)
    UNION ALL
    SELECT 'it is a member of ' || quote_ident(r.rolname) FROM reached JOIN pg_roles r USING (oid) WHERE r.rolname ~ '^pg_'
"""  # noqa: S608 - constants of this module
# The dependencies of all databases: what the roles own in others is seen from here too.
_POSSESSIONS: LiteralString = f"""
    WITH RECURSIVE {_REACHED}
    SELECT 'the role ' || quote_ident(r.rolname) || ' owns '
           || CASE WHEN d.dbid NOT IN (0, here.oid) THEN 'something in another database'
                   ELSE (SELECT o.type || ' ' || o.identity FROM pg_identify_object(d.classid, d.objid, 0) o) END
    FROM reached JOIN pg_roles r USING (oid)
    JOIN pg_shdepend d ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = reached.oid AND d.deptype = 'o'
    CROSS JOIN (SELECT oid FROM pg_database WHERE datname = current_database()) AS here
    WHERE d.dbid NOT IN (0, here.oid)
       OR d.classid IN ('pg_database'::regclass, 'pg_tablespace'::regclass)
       OR (d.classid = 'pg_namespace'::regclass
           AND (SELECT nspname FROM pg_namespace WHERE oid = d.objid) IS DISTINCT FROM %(schema)s)
       OR (d.classid <> 'pg_namespace'::regclass  -- what is in no schema belongs to the one that has the same owner
           AND (SELECT o.schema FROM pg_identify_object(d.classid, d.objid, 0) o) NOT IN (quote_ident(%(schema)s), 'pg_temp')
           AND (SELECT o.schema FROM pg_identify_object(d.classid, d.objid, 0) o) !~ '^pg_(toast_)?temp_')
"""  # noqa: S608 - as above
# A right that everybody has, or that was given to the owner, is the organization's own. Whoever owns a schema may give rights on it
# away, also to those who do not want them: that is no power over anybody, but for the schemas of those who run the database.
_GRANTS: LiteralString = """
    SELECT 'it has been granted ' || a.privilege_type || ' on the schema ' || quote_ident(n.nspname)
    FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a JOIN pg_roles r ON r.oid = a.grantee
    JOIN pg_roles o ON o.oid = n.nspowner JOIN pg_database d ON d.datname = current_database()
    WHERE r.rolname = %(user)s AND n.nspname IS DISTINCT FROM %(schema)s
      AND (o.rolsuper OR o.oid = d.datdba OR o.rolname ~ '^pg_')
"""
_THE_FIRST: LiteralString = " LIMIT 20"
_OWNS: LiteralString = """
    SELECT pg_has_role(%(user)s, nspowner, 'USAGE') FROM pg_namespace WHERE nspname = %(schema)s
"""
_PREPARED: LiteralString = """
    SELECT DISTINCT n.nspname FROM pg_namespace n
    JOIN pg_auth_members m ON m.roleid = n.nspowner JOIN pg_roles login ON login.oid = m.member
    WHERE login.rolcanlogin AND starts_with(login.rolname, %(prefix)s)
    ORDER BY n.nspname
"""


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organization with data: its id and its schema, exactly as PostgreSQL has the name."""

    organization: str
    schema: str

    @property
    def login(self) -> str:
        """The user as which the organization's data is read and erased.

        It follows from the organization's id, so that a schema is only opened for the organization whose login owns it.
        """
        return role_name(PREFIX, self.organization)

    def password(self, secret: str) -> str:
        """Return the login's password, which no one has to store."""
        return hmac.new(secret.encode(), f"offramp tenant login {self.login}".encode(), hashlib.sha256).hexdigest()


def role_name(prefix: str, name: str) -> str:
    """Return the name of a role for something; a digest takes the place of the end of one that is too long."""
    whole = prefix + name
    if len(whole.encode()) <= LONGEST_NAME_IN_BYTES:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:12]
    cut = whole.encode()[: LONGEST_NAME_IN_BYTES - len(digest) - 1].decode(errors="ignore")
    return f"{cut}-{digest}"


def refuse_powers_beyond(connection: psycopg.Connection[Any], user: str, schema: str | None) -> None:
    """Refuse a user that can do more than the owner of one schema can, or than look into the catalog if there is none.

    Raises TenantLoginTooPowerful.
    """
    given = {"user": user, "schema": schema}
    found = [
        power
        for query in (_POWERS, _POSSESSIONS, _GRANTS)
        for (power,) in connection.execute(query + _THE_FIRST, given).fetchall()
    ]
    if found:
        raise refusals.TenantLoginTooPowerful(user, found)


def refuse_unless_owner(connection: psycopg.Connection[Any], tenant: Tenant) -> None:
    """Refuse a schema that is not the organization's. Raises TenantSchemaUnknown, TenantSchemaNotOwned."""
    found = connection.execute(_OWNS, {"user": tenant.login, "schema": tenant.schema}).fetchone()
    if found is None:
        raise refusals.TenantSchemaUnknown(tenant.schema)
    if not found[0]:
        raise refusals.TenantSchemaNotOwned(tenant.organization, tenant.schema, tenant.login)


def prepared_schemas(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the schemas that are the data of an organization with a login, by name."""
    return [schema for (schema,) in connection.execute(_PREPARED, {"prefix": PREFIX}).fetchall()]

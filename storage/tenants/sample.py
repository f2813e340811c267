"""A sample of an organization's data: a small CRM with everything that makes copying data hard.

Many scripts, whole numbers beyond those that a double can distinguish, long and formula-looking text, infinite dates,
NaN, arrays, ranges, JSON, binary data, partitions, names that need quoting, a table without a key, and objects that are
not tables.
"""

import re
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import errors, sql

from storage.logins import beside_others
from storage.tenants import refusals
from storage.tenants.catalog import tables_of
from storage.tenants.logins import Tenant
from storage.tenants.preparation import own_schema, prepare
from storage.tenants.sample_sql import DERIVED, OBJECTS, SETTINGS, filling

_MARK = re.compile(r"Offramp sample data: rows=(\d+) seed=(\d+)")
_COMMENT: LiteralString = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s"


@dataclass(frozen=True, slots=True)
class Sample:
    """A schema with sample data."""

    schema: str
    rows: int
    """The rows of the largest table, `activities`; the others are in proportion to it."""
    seed: int
    created: bool
    """True if it was created now; otherwise it was there already, with these rows and this seed."""


def generate(connection: psycopg.Connection[Any], tenant: Tenant, password: str, *, rows: int, seed: int = 1) -> Sample:
    """Create a schema with sample data and its login, unless it exists; all of it or, if interrupted, nothing.

    The same rows and seed give the same data. ``connection`` is one of `TenantDatabase.administering`.

    Raises:
        TenantSchemaNotSample: the schema exists and is not a sample.
        TenantSchemaNotWritable: this administrator may not create schemas, or roles.

    """
    schema = tenant.schema
    name = sql.Identifier(schema)

    def generated() -> Sample:
        with connection.transaction():
            found = connection.execute(_COMMENT, (schema,)).fetchone()
            if found is not None:
                sample = _existing(schema, found[0])
                prepare(connection, tenant, password)
                return sample
            owner = sql.Identifier(own_schema(connection, tenant))
            connection.execute(sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(name, owner))
            connection.execute(sql.SQL("SET LOCAL search_path = {}").format(name))
            connection.execute("SET LOCAL timezone = 'UTC'")
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(owner))
            for statement in (*OBJECTS, *filling(seed, rows), SETTINGS, *DERIVED):
                connection.execute(statement.encode())
            mark = f"Offramp sample data: rows={rows} seed={seed}"
            connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(name, sql.Literal(mark)))
            # The estimates of progress need it; autovacuum comes later, and never to a partitioned table.
            tables = sql.SQL(", ").join(sql.Identifier(schema, table.name) for table in tables_of(connection, schema))
            connection.execute(sql.SQL("ANALYZE {}").format(tables))
            connection.execute("RESET ROLE")
            prepare(connection, tenant, password)
        return Sample(schema, rows, seed, created=True)

    try:
        return beside_others(generated)  # of two callers at once, the second finds what the first has created
    except errors.InsufficientPrivilege as error:
        raise refusals.TenantSchemaNotWritable(schema, " ".join(refusals.said(error))) from None


def _existing(schema: str, comment: str | None) -> Sample:
    mark = _MARK.fullmatch(comment or "")
    if mark is None:
        raise refusals.TenantSchemaNotSample(schema)
    return Sample(schema, rows=int(mark[1]), seed=int(mark[2]), created=False)

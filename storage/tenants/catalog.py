"""The catalog of an organization's schema: the tables to copy, column by column, and the objects that are left out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import class_row, dict_row

from storage.tenants import refusals

TableKind = Literal["table", "partitioned"]
TypeKind = Literal["base", "array", "enum", "domain", "composite", "range", "multirange", "pseudo"]
LeftOutKind = Literal["view", "materialized view", "foreign table"]

MOST_TABLES = 20_000
MOST_COLUMNS = 100_000
"""Schemas with more are refused: an export keeps a description of each in memory, and a lock on each table."""

# A partition is read through its parent. One whose parent is elsewhere is read by itself, like any table.
_TABLES: LiteralString = """
    SELECT c.oid, c.relname, c.relkind, c.relhassubclass, c.reltuples, c.relpages
    FROM pg_class c
    WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
      AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
      AND NOT (c.relispartition AND EXISTS (
        SELECT FROM pg_partition_ancestors(c.oid) above JOIN pg_class a ON a.oid = above.relid
        WHERE a.oid <> c.oid AND a.relnamespace = c.relnamespace))
"""
_SOURCES: LiteralString = f"""
    SELECT %(schema)s AS schema, t.relname AS name, t.oid::bigint AS oid, t.relkind = 'p' AS partitioned,
           has_table_privilege(t.oid, 'SELECT') AS may_select, row_security_active(t.oid) AS row_security
    FROM ({_TABLES}) t ORDER BY t.relname COLLATE "C" LIMIT {MOST_TABLES + 1}
"""  # noqa: S608 - constants of this module
# Rows as the planner estimates them: as many to a page as at the last ANALYZE. A table that never had one has what the
# statistics collector counted. A partitioned table has no rows of its own but those of its leaves.
_SIZES: LiteralString = f"""
    SELECT t.oid::bigint AS oid, t.relname AS name,
           CASE t.relkind WHEN 'p' THEN 'partitioned' ELSE 'table' END AS kind,
           sizes.rows::bigint AS estimated_rows, sizes.bytes::bigint AS bytes, sizes.long_bytes::bigint AS long_bytes,
           EXISTS (
             SELECT FROM pg_index i
             WHERE i.indrelid = t.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL
               AND NOT EXISTS (
                 SELECT FROM unnest(i.indkey[:i.indnkeyatts - 1]) AS key(number)
                 LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = key.number AND a.attnotnull
                 WHERE a.attnum IS NULL)
           ) AS has_key
    FROM ({_TABLES}) t
    CROSS JOIN LATERAL (
        SELECT COALESCE(sum(
                 CASE WHEN leaf.reltuples >= 0 AND leaf.relpages > 0
                 THEN leaf.reltuples / leaf.relpages * (pg_relation_size(leaf.oid) / current_setting('block_size')::int)
                 ELSE pg_stat_get_live_tuples(leaf.oid) END), 0) AS rows,
               COALESCE(sum(pg_table_size(leaf.oid)), 0) AS bytes,
               COALESCE(sum(pg_relation_size(NULLIF(leaf.reltoastrelid, 0))), 0) AS long_bytes
        FROM pg_class leaf
        WHERE leaf.oid = t.oid
           OR (t.relkind = 'p' AND leaf.oid IN (SELECT relid FROM pg_partition_tree(t.oid) WHERE isleaf))
    ) sizes
    ORDER BY t.relname COLLATE "C"
"""  # noqa: S608 - as above
_COLUMNS: LiteralString = f"""
    WITH RECURSIVE columns AS (
        SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated <> '' AS generated,
               a.attgenerated = 'v' AS virtual
        FROM ({_TABLES}) t JOIN pg_attribute a ON a.attrelid = t.oid
        WHERE a.attnum > 0 AND NOT a.attisdropped
    ), resolved AS (
        SELECT c.attrelid, c.attnum, c.atttypid AS type, c.atttypmod AS typmod, c.attnotnull AS not_null FROM columns c
        UNION ALL
        SELECT r.attrelid, r.attnum, d.typbasetype, d.typtypmod, r.not_null OR d.typnotnull
        FROM resolved r JOIN pg_type d ON d.oid = r.type WHERE d.typtype = 'd'
    )
    SELECT c.attrelid::bigint AS table_oid, c.attname AS name, format_type(c.atttypid, c.atttypmod) AS type_name,
           c.atttypid::bigint AS type_oid, declared.typtype AS declared_kind, declared.typcategory AS declared_category,
           b.type::bigint AS base_type_oid, format_type(b.type, b.typmod) AS base_type_name, base.typtype AS base_kind,
           base.typcategory AS base_category, base.typelem::bigint AS element_type_oid,
           NOT (c.attnotnull OR b.not_null) AS nullable, c.generated, c.virtual, base.typlen < 0 AS varies
    FROM columns c
    JOIN resolved b USING (attrelid, attnum)
    JOIN pg_type base ON base.oid = b.type AND base.typtype <> 'd'
    JOIN pg_type declared ON declared.oid = c.atttypid
    ORDER BY c.attrelid, c.attnum
"""  # noqa: S608 - as above
_EXTENT: LiteralString = f"""
    SELECT count(*)::bigint AS tables, COALESCE(sum(estimated_rows), 0)::bigint AS estimated_rows,
           COALESCE(sum(bytes), 0)::bigint AS bytes
    FROM ({_SIZES}) sizes
"""  # noqa: S608 - as above
_LEFT_OUT: LiteralString = """
    SELECT c.relname AS name,
           CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END AS kind
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s AND c.relkind IN ('v', 'm', 'f') AND NOT c.relispartition
    ORDER BY c.relname COLLATE "C"
"""
_KINDS: dict[str, TypeKind] = {
    "b": "base",
    "c": "composite",
    "d": "domain",
    "e": "enum",
    "m": "multirange",
    "p": "pseudo",
    "r": "range",
}


@dataclass(frozen=True, slots=True)
class TenantColumn:
    """A column, in the order in which the table has it.

    A domain is resolved down to the type it restricts: ``base_…`` gives the form of values, the rest the declaration.
    """

    name: str
    type_name: str
    """The name as `format_type` writes it: ``numeric(12,2)``, with the schema if it is not one of PostgreSQL's own."""
    type_oid: int
    base_type_oid: int
    type_kind: TypeKind
    base_type_name: str
    base_type_kind: TypeKind
    element_type_oid: int | None
    """The type of the elements of an array, or of a domain over one."""
    nullable: bool
    generated: bool
    """True if the database computes it from other columns; COPY of a table leaves it out unless it is named."""
    virtual: bool = False
    """True if it is computed anew at each read, so that its values take no place and may have any size."""
    varies: bool = True
    """True if its values are of no fixed size."""


@dataclass(frozen=True, slots=True)
class TenantTable:
    """A table, or a partitioned table with all its partitions."""

    name: str
    columns: tuple[TenantColumn, ...]
    """May be empty: PostgreSQL has tables without a column, and they have rows."""
    estimated_rows: int
    """An estimate for progress, never for proof."""
    bytes: int
    """The size on disk, with long values and without indexes."""
    has_key: bool
    """True if it has a primary key, or a unique index on columns that are never null."""
    kind: TableKind
    long_bytes: int = 0
    """The size of what does not fit into the rows' own pages: every value of more than some kilobytes."""

    def source(self, schema: str) -> sql.Composed:
        """Return the expression to read after FROM: each row of the schema is in exactly one such source.

        It excludes the rows of tables that inherit from this one, which are tables of their own.
        """
        return _source(schema, self.name, partitioned=self.kind == "partitioned")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An object of a schema that looks like a table and has no data of its own."""

    name: str
    kind: LeftOutKind


@dataclass(frozen=True, slots=True)
class Source:
    """A table as it is locked and read, with the rights of the current role."""

    schema: str
    name: str
    oid: int
    partitioned: bool
    may_select: bool
    row_security: bool

    @property
    def sql(self) -> sql.Composed:
        """The relation to read or lock."""
        return _source(self.schema, self.name, partitioned=self.partitioned)


@dataclass(frozen=True, slots=True)
class Extent:
    """The extent of a schema."""

    tables: int
    estimated_rows: int
    bytes: int
    """On disk."""


def tables_of(connection: psycopg.Connection[Any], schema: str) -> list[TenantTable]:
    """Return the tables of a schema by name; none for a schema that does not exist. Raises TenantSchemaTooLarge."""
    columns: dict[int, list[TenantColumn]] = {}
    with connection.transaction():
        for number, row in enumerate(_rows(connection, _COLUMNS, schema)):
            if number == MOST_COLUMNS:
                raise refusals.TenantSchemaTooLarge(schema, "columns", MOST_COLUMNS)
            columns.setdefault(row["table_oid"], []).append(_column(row))
        tables: list[TenantTable] = []
        for row in _rows(connection, _SIZES, schema):
            if len(tables) == MOST_TABLES:
                raise refusals.TenantSchemaTooLarge(schema, "tables", MOST_TABLES)
            tables.append(_table(row, columns.get(row["oid"], [])))
    return tables


def extent_of(connection: psycopg.Connection[Any], schema: str) -> Extent:
    """Return the extent of a schema; nothing for one that does not exist."""
    with connection.cursor(row_factory=class_row(Extent)) as cursor:
        [extent] = cursor.execute(_EXTENT, {"schema": schema}).fetchall()
        return extent


def exists(connection: psycopg.Connection[Any], schema: str) -> bool:
    """Return true if there is a schema with this name."""
    return connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone() is not None


def left_out_of(connection: psycopg.Connection[Any], schema: str) -> list[LeftOut]:
    """Return the objects that are not copied: views follow from tables, foreign tables are elsewhere."""
    with connection.cursor(row_factory=class_row(LeftOut)) as cursor:
        return cursor.execute(_LEFT_OUT, {"schema": schema}).fetchall()


def sources_in(connection: psycopg.Connection[Any], schema: str) -> list[Source]:
    """Return the tables to read to have every row of a schema once, by name. Raises TenantSchemaTooLarge."""
    with connection.cursor(row_factory=class_row(Source)) as cursor:
        sources = cursor.execute(_SOURCES, {"schema": schema}).fetchall()
    if len(sources) > MOST_TABLES:
        raise refusals.TenantSchemaTooLarge(schema, "tables", MOST_TABLES)
    return sources


def _rows(connection: psycopg.Connection[Any], query: LiteralString, schema: str) -> Iterator[dict[str, Any]]:
    """Return rows as they are read, so that no more of them are in memory than are wanted."""
    with connection.cursor(name="catalog", row_factory=dict_row) as cursor:
        cursor.itersize = 1000
        yield from cursor.execute(query, {"schema": schema})


def _source(schema: str, name: str, *, partitioned: bool) -> sql.Composed:
    table = sql.Identifier(schema, name)
    return sql.SQL("{}").format(table) if partitioned else sql.SQL("ONLY {}").format(table)


def _table(row: dict[str, Any], columns: list[TenantColumn]) -> TenantTable:
    return TenantTable(
        name=row["name"],
        columns=tuple(columns),
        estimated_rows=row["estimated_rows"],
        bytes=row["bytes"],
        has_key=row["has_key"],
        kind=row["kind"],
        long_bytes=row["long_bytes"],
    )


def _column(row: dict[str, Any]) -> TenantColumn:
    base_kind = _kind(row["base_kind"], row["base_category"])
    return TenantColumn(
        name=row["name"],
        type_name=row["type_name"],
        type_oid=row["type_oid"],
        base_type_oid=row["base_type_oid"],
        type_kind=_kind(row["declared_kind"], row["declared_category"]),
        base_type_name=row["base_type_name"],
        base_type_kind=base_kind,
        element_type_oid=row["element_type_oid"] if base_kind == "array" else None,
        nullable=row["nullable"],
        generated=row["generated"],
        virtual=row["virtual"],
        varies=row["varies"],
    )


def _kind(typtype: str, category: str) -> TypeKind:
    return "array" if typtype == "b" and category == "A" else _KINDS[typtype]

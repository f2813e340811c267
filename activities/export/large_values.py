"""Values too large for the memory of a worker: left out of every file, and named in the manifest.

Whoever fills a table decides how large its values are, and a generated column makes large ones of nothing. PostgreSQL
measures them, so that no value beyond the limits ever reaches the worker.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from activities.export.limits import MEBIBYTE, Limits
from domain.export.manifest import ManifestWarning
from storage.tenants.catalog import TenantColumn, TenantTable

_COMPRESSED_TO = 255
"""The part of its size to which PostgreSQL compresses a value at best."""


@dataclass(frozen=True, slots=True)
class LargeValues:
    """The statement that reads a table, and the values that it leaves out."""

    statement: sql.Composed
    warnings: tuple[ManifestWarning, ...]


def without_large_values(
    connection: psycopg.Connection[Any], schema: str, table: TenantTable, limits: Limits
) -> LargeValues:
    """Return the statement that reads a table without its values that are too large; each of those is NULL in it."""
    names = [column.name for column in table.columns]
    plain = sql.SQL("SELECT {} FROM {}").format(_listed(sql.Identifier(name) for name in names), table.source(schema))
    varying = [column for column in table.columns if column.varies]
    computed = any(column.virtual for column in varying)
    stored = table.long_bytes > min(limits.cell_bytes, _share(table, limits)) // _COMPRESSED_TO
    if not varying or not (computed or stored):
        return LargeValues(plain, ())
    measured = _measured(schema, table, limits)
    too_large = {
        number: _is_too_large(number, table, limits) for number, column in enumerate(table.columns) if column.varies
    }
    warnings = tuple(_found(connection, measured, table, too_large, limits))
    if not warnings and not computed:
        return LargeValues(plain, ())
    read = _listed(
        sql.SQL("CASE WHEN {} THEN NULL ELSE {} END AS {}").format(
            too_large.get(number, sql.SQL("false")), _value(number), sql.Identifier(name)
        )
        for number, name in enumerate(names)
    )
    return LargeValues(sql.SQL("SELECT {} FROM ({}) AS measured").format(read, measured), warnings)


def _share(table: TenantTable, limits: Limits) -> int:
    """Return the size that each value of a row may have whatever the others have."""
    return limits.row_bytes // max(1, sum(column.varies for column in table.columns))


def _allowed(column: TenantColumn, limits: Limits) -> int:
    return limits.computed_cell_bytes if column.virtual else limits.cell_bytes


def _measured(schema: str, table: TenantTable, limits: Limits) -> sql.Composed:
    """Return a query for the values of a table by the numbers of their columns, with sizes and the number of the row."""
    # OFFSET 0 has each value computed once, so that what is measured is what is read.
    values = _listed(
        sql.SQL("{} AS {}").format(sql.Identifier(column.name), _value(number))
        for number, column in enumerate(table.columns)
    )
    inner = sql.SQL("SELECT {}, row_number() OVER () AS row FROM {} OFFSET 0").format(values, table.source(schema))
    # By concat, which writes a value out as a file has it: a cast to text may be a function of the organization's.
    sizes = _listed(
        sql.SQL("CASE WHEN pg_column_size({0}) > {1} THEN octet_length(concat({0})) ELSE 0 END::bigint AS {2}").format(
            _value(number),
            # Up to this as it is kept, no value is too large, and none has to be written out to be measured.
            sql.Literal(min(_allowed(column, limits), _share(table, limits)) // _COMPRESSED_TO),
            _size(number),
        )
        for number, column in enumerate(table.columns)
        if column.varies
    )
    return sql.SQL("SELECT read.*, {} FROM ({}) AS read OFFSET 0").format(sizes, inner)


def _is_too_large(number: int, table: TenantTable, limits: Limits) -> sql.Composed:
    varying = [other for other, column in enumerate(table.columns) if column.varies]
    return sql.SQL("({size} > {cell} OR ({size} > {share} AND {total} > {row}))").format(
        size=_size(number),
        cell=sql.Literal(_allowed(table.columns[number], limits)),
        share=sql.Literal(_share(table, limits)),
        total=sql.SQL(" + ").join(_size(other) for other in varying),
        row=sql.Literal(limits.row_bytes),
    )


def _found(
    connection: psycopg.Connection[Any],
    measured: sql.Composed,
    table: TenantTable,
    too_large: dict[int, sql.Composed],
    limits: Limits,
) -> Iterator[ManifestWarning]:
    counts = _listed(
        sql.SQL("count(*) FILTER (WHERE {0}), min(row) FILTER (WHERE {0})").format(is_large)
        for is_large in too_large.values()
    )
    found = connection.execute(sql.SQL("SELECT {} FROM ({}) AS measured").format(counts, measured)).fetchone()
    assert found is not None  # noqa: S101 - aggregates have one row
    for number, count, row in zip(too_large, found[::2], found[1::2], strict=True):
        if count:
            name = table.columns[number].name
            yield ManifestWarning(code="too_large", column=name, count=count, row=row, sentence=_sentence(limits))


def _sentence(limits: Limits) -> str:
    cell, computed, row = (
        f"{size // MEBIBYTE:,} MiB" if size >= MEBIBYTE else f"{size:,} bytes"
        for size in (limits.cell_bytes, limits.computed_cell_bytes, limits.row_bytes)
    )
    return (
        f"Values of more than {cell} as text, of more than {computed} where the database computes them anew at each read, "
        f"and the largest in rows of more than {row}, are left out of every file: their cells are empty."
    )


def _listed(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def _value(number: int) -> sql.Identifier:
    return sql.Identifier(f"value_{number}")


def _size(number: int) -> sql.Identifier:
    return sql.Identifier(f"size_{number}")

"""Bulk writes of rows: all rows of a statement travel as one JSON value, which the database takes apart again.

Row by row, a hundred thousand lines take minutes.
"""

import json
from collections.abc import Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from records.imports.existing import Row, chunks
from storage.tables import Table

_DIALECT = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]


def insert_rows(session: Session, entity: type[Table], rows: Sequence[Row]) -> None:
    """Insert rows with the same columns; the other columns get their defaults."""
    for some in chunks(rows):
        names = ", ".join(some[0])
        statement = f"INSERT INTO {entity.__tablename__} ({names}) SELECT {names} FROM {_recordset(entity, some[0])}"  # noqa: S608 - names from the tables
        session.execute(text(statement), {"rows": _as_json(some)})


def update_rows(session: Session, entity: type[Table], rows: Sequence[Row]) -> None:
    """Update rows with the same columns by primary key."""
    keys = [column.name for column in entity.__table__.primary_key]
    for some in chunks(rows):
        assigned = ", ".join(f"{name} = given.{name}" for name in some[0] if name not in keys)
        same = " AND ".join(f"kept.{key} = given.{key}" for key in keys)
        statement = (
            f"UPDATE {entity.__tablename__} AS kept SET {assigned} FROM {_recordset(entity, some[0])} WHERE {same}"  # noqa: S608 - as above
        )
        session.execute(text(statement), {"rows": _as_json(some)})


def _recordset(entity: type[Table], names: Row) -> str:
    columns = entity.__table__.c
    typed = ", ".join(f"{name} {columns[name].type.compile(dialect=_DIALECT)}" for name in names)
    return f"jsonb_to_recordset(CAST(:rows AS jsonb)) AS given({typed})"


def _as_json(rows: Sequence[Row]) -> str:
    def plain(value: object) -> str:
        return value.isoformat() if isinstance(value, date) else str(value)  # an instant is a date as well

    return json.dumps(rows, default=plain)

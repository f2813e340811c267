"""A dump made data again, as an IT department does it: an empty database, pg_restore, and a look at everything."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from activities.migration.dump import DUMP
from tests.support.servers import pg_program

_names = (f"restored_{number}" for number in count(1))


@contextmanager
def empty_database_in(postgres_url: str) -> Iterator[str]:
    """An empty database, for a while; its URL."""
    name = next(_names)
    maintenance = postgres_url.replace("+psycopg", "")
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 STRATEGY FILE_COPY").format(sql.Identifier(name))
        )
        yield f"{maintenance.rpartition('/')[0]}/{name}"
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def restore(dump: bytes, url: str, directory: Path) -> None:
    """Restore as the IT department does."""
    file = directory / DUMP
    file.write_bytes(dump)
    arguments = ("--no-owner", "--no-privileges", "--exit-on-error", f"--dbname={url}", str(file))
    subprocess.run([pg_program("pg_restore"), *arguments], check=True, capture_output=True)


def everything(url: str, schema: str) -> dict[str, Any]:
    """Every row of every table, and how everything is made."""
    with psycopg.connect(url) as connection:
        found: dict[str, Any] = {}
        tables = (
            "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'p', 'm', 'v')"
        )
        quoted = sql.Identifier(schema).as_string(None)
        for (table,) in connection.execute(tables, (quoted,)).fetchall():
            rows = sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(schema, table))
            found[table] = connection.execute(rows).fetchall()
        for what, query in {
            "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = %s ORDER BY 1",
            "constraints": "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s) ORDER BY 1, 2",
            "views": "SELECT viewname, definition FROM pg_views WHERE schemaname = %s ORDER BY 1",
            "columns": "SELECT table_name, column_name, data_type, udt_name, column_default, generation_expression "
            "FROM information_schema.columns WHERE table_schema = %s ORDER BY 1, ordinal_position",
            "sequences": "SELECT sequencename, start_value, increment_by, last_value FROM pg_sequences "
            "WHERE schemaname = %s ORDER BY 1",
        }.items():
            found[f"its {what}"] = connection.execute(query, (schema,)).fetchall()
    return found

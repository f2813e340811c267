"""Contradictions with the records: a rule of the database that forbids a step, until it is removed."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text


@contextmanager
def forbidden(engine: Engine, table: str, rows: str) -> Iterator[None]:
    """Have PostgreSQL refuse to write the rows of a table for which a condition holds, as long as the block runs."""
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT forbidden CHECK (({rows}) IS NOT TRUE) NOT VALID"))
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT forbidden"))

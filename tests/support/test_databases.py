"""A database that is used again has nothing of the test before."""

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text

from tests.support.databases import EmptyDatabases

STATE = (
    "SELECT json_agg(t ORDER BY t::text)::text FROM limits t",
    "SELECT count(*) FROM audit_trail",
    "SELECT count(*) FROM organizations",
    "SELECT last_value, is_called FROM audit_trail_id_seq",
)


def state(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return [tuple(connection.execute(text(query)).one()) for query in STATE]


def write(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE limits SET number = 1"))
        connection.execute(text("INSERT INTO audit_trail (at, actor, action) VALUES (now(), 'tester', 'test.done')"))


def test_rows_that_tests_change_and_add_are_put_back(empty_databases: EmptyDatabases) -> None:
    with empty_databases.one() as first:
        engine = create_engine(first)
        before = state(engine)
        write(engine)
        assert state(engine) != before
    with empty_databases.one() as second:
        assert second == first
        engine.dispose()
        assert state(engine) == before
    engine.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE another ()",
        "ALTER TABLE audit_trail DISABLE TRIGGER ALL",
        "DROP INDEX ix_audit_trail_run",
        "GRANT DELETE ON audit_trail TO test_offramp_pages",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE SCHEMA another",
        "ALTER TABLE requests ALTER COLUMN actor DROP NOT NULL",
        "TRUNCATE webhook_attempts",
    ],
)
def test_one_of_which_more_than_rows_was_changed_is_used_by_nobody_else(
    empty_databases: EmptyDatabases, change: str
) -> None:
    with empty_databases.one() as first, psycopg.connect(first.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(change.encode())
    with empty_databases.one() as second:
        assert second != first

"""Errors of the database in words: which refusal each is, and that none repeats SQL or a value."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, PendingRollbackError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from domain.refusals import Refusal
from storage.database import create_database_engine
from storage.refusals import refusal_of, refusing_database_errors
from storage.tables import OrganizationRow

SECRET = "ada@contoso.example"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_database_engine(database_url)
    yield engine
    engine.dispose()


class Said(Exception):  # noqa: N818 - what a driver says
    """An error of a driver with an SQLSTATE."""

    def __init__(self, sqlstate: str | None) -> None:
        self.sqlstate = sqlstate
        super().__init__(SECRET)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("INSERT INTO policies (name, durations) VALUES ('?', NULL)", "records_conflict"),
        ("INSERT INTO subscriptions (id, organization) VALUES ('?', 'nobody')", "records_conflict"),
        ("SELECT * FROM \"?\"", "database_not_migrated"),
        ("SELECT '?'::int", "value_not_storable"),
        ("SELECT 9223372036854775807 + 1", "value_not_storable"),
        ("SELEKT '?'", "database_failed"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", "database_unavailable"),
    ],
)  # fmt: skip
def test_what_a_statement_fails_with_is_said_without_its_text(engine: Engine, statement: str, code: str) -> None:
    with pytest.raises(Refusal) as refused, refusing_database_errors(engine.url), engine.begin() as connection:
        connection.execute(text(statement.replace("?", SECRET)))

    assert refused.value.code == code
    assert not any(part in str(refused.value) for part in (SECRET, "SELECT", "INSERT", "SELEKT"))
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("value", ["a\x00b", "\udcff", 10**30])
def test_a_value_that_cannot_be_stored_is_refused_as_that(engine: Engine, value: object) -> None:
    with pytest.raises(Refusal) as refused, refusing_database_errors(engine.url), engine.begin() as connection:
        connection.execute(
            text("SELECT CAST(:value AS text)" if isinstance(value, str) else "SELECT CAST(:value AS bigint)"),
            {"value": value},
        )
    assert refused.value.code == "value_not_storable"


def test_an_entry_that_is_missing_is_a_conflict(engine: Engine) -> None:
    with Session(engine) as session, pytest.raises(SQLAlchemyError) as missing:
        session.execute(select(OrganizationRow).where(OrganizationRow.id == SECRET)).one()
    assert refusal_of(missing.value, "here").code == "records_conflict"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PoolTimeout(), "database_unavailable"),
        (PendingRollbackError(), "database_unavailable"),
        (OperationalError("SQL", {}, Said(None)), "database_unavailable"),
        (InterfaceError("SQL", {}, Said(None)), "database_unavailable"),
        (DBAPIError("SQL", {}, Said(None)), "database_failed"),
        (OperationalError("SQL", {}, Said("55P03")), "database_busy"),
        (OperationalError("SQL", {}, Said("40P01")), "database_busy"),
        (OperationalError("SQL", {}, Said("55000")), "database_unavailable"),
        (OperationalError("SQL", {}, Said("25006")), "database_unavailable"),
        (OperationalError("SQL", {}, Said("53300")), "database_unavailable"),
        (OperationalError("SQL", {}, Said("57P01")), "database_unavailable"),
        (OperationalError("SQL", {}, Said("58030")), "database_unavailable"),
        (DBAPIError("SQL", {}, Said("23505")), "records_conflict"),
        (DBAPIError("SQL", {}, Said("P0001")), "records_conflict"),
        (DBAPIError("SQL", {}, Said("XX000")), "database_failed"),
    ],
)
def test_every_error_has_one_meaning(error: SQLAlchemyError, code: str) -> None:
    refusal = refusal_of(error, "offramp on localhost:5432")
    assert refusal.code == code
    assert SECRET not in str(refusal)

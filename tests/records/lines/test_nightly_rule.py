"""The SQL of the nightly update does to any lines what the rule of the domain does."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.lines.runs import Scope
from domain.lines.terms import update_as_of
from records.lines.nightly import update_chunk
from records.lines.rows import as_domain
from records.lines.runs import open_run
from records.transaction import Transaction
from storage.tables import (
    SubscriptionLineRow,
)
from tests.domain.lines.date_strategies import days, lines
from tests.records.lines.nightly_runs import (
    DUE,
    NOW,
    Add,
    all_lines,
)

SCOPE = Scope()


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("notice_period", "-3M", "notice_period_is_a_term"),
        ("notice_period", "WD4", "notice_period_is_a_term"),
        ("initial_term", "1X", "initial_term_is_a_term"),
        ("initial_term", "9" * 400 + "D", "initial_term_is_a_term"),
        ("billing_rhythm", "", "billing_rhythm_is_a_term"),
        ("subsequent_term", "CM", "subsequent_term_is_a_term"),
        ("subsequent_term", "0D", "subsequent_term_is_a_term"),
        ("subsequent_term", "+".join(["1M"] * 22), "subsequent_term_is_a_term"),
        ("term_until", "10000-01-01", "dates_in_calendar"),
        ("term_until", "0001-12-31 BC", "dates_in_calendar"),
        ("term_until", "infinity", "dates_in_calendar"),
    ],
)
def test_the_database_refuses_terms_and_dates_that_the_rules_refuse(
    engine: Engine, add: Add, column: str, value: str, rule: str
) -> None:
    add("L1", **DUE)
    kind = "date" if column == "term_until" else "text"
    statement = text(f"UPDATE subscription_lines SET {column} = CAST(:value AS {kind})")  # noqa: S608
    with engine.connect() as connection, pytest.raises(IntegrityError) as refused:
        connection.execute(statement, {"value": value})
    diagnostics = getattr(refused.value.orig, "diag", None)
    assert str(getattr(diagnostics, "constraint_name", None)).endswith(rule)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_lines=st.lists(lines(), min_size=1, max_size=40), as_of=days, nights=st.integers(0, 40))
def test_the_database_does_to_any_lines_what_the_rule_does_and_knows_when(
    engine: Engine, given_lines: list[Any], as_of: date, nights: int
) -> None:
    """Also: catching up in one run equals a run each night, and a line is due exactly when the rule changes it."""
    with engine.connect() as connection, connection.begin() as undone:
        fill(connection, given_lines)
        with Session(connection) as session:
            expected = {}
            for row in session.scalars(select(SubscriptionLineRow)):
                outcome = update_as_of(as_domain(row), as_of)
                expected[row.id] = outcome.line
                assert (row.due_after is not None and row.due_after < as_of) == (outcome.action != "unchanged")
        for night in range(nights, -1, -1):
            open_run_on(connection, f"{night}", as_of - timedelta(days=night))
            update_chunk(Transaction(Session(connection)), f"{night}", at=NOW)
        for name, term_until, deadline, end_date, closed in all_lines(connection):
            wanted = expected[name]
            assert (term_until, deadline, end_date, closed) == (
                wanted.term_until,
                wanted.cancellation_possible_until,
                wanted.end_date,
                wanted.closed,
            )
        undone.rollback()


def open_run_on(connection: Connection, name: str, as_of: date) -> None:
    with Session(connection) as session:
        open_run(Transaction(session), name, as_of=as_of, zone="UTC", scope=SCOPE, actor="tester", at=NOW)
        session.flush()


def fill(connection: Connection, given_lines: list[Any]) -> None:
    """Lines of one subscription, those that are frozen under one cancellation."""
    connection.execute(
        text("""
            INSERT INTO organizations (id, url, unique_name, time_zone, platform, purpose, billing_administrator)
            VALUES ('O', 'u', 'n', 'UTC', 'commerce_transaction', 'production', 'a@b.example');
            INSERT INTO subscriptions (id, organization, description) VALUES ('S', 'O', 'd');
            INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, received_at,
            received_on) VALUES ('S/1', 'S', 1, 'r', 'w', 'a', 'intake', now(), '2026-09-01')""")
    )
    with Session(connection) as session:
        session.add_all(SubscriptionLineRow(**row) for row in rows_of(given_lines, "S"))
        session.flush()


def rows_of(given_lines: list[Any], subscription: str) -> list[dict[str, Any]]:
    """The rows of lines of one subscription, those that are frozen under its first cancellation."""
    names = ("start_date", "initial_term", "subsequent_term", "notice_period", "billing_rhythm", "next_billing_date",
             "term_until", "cancellation_possible_until", "end_date", "open_billing_line")  # fmt: skip
    rows = []
    for number, one in enumerate(given_lines):
        plain = {name: getattr(one, name) for name in names}
        texts = {name: None if value is None else str(value) for name, value in plain.items() if "term" in name[-5:]}
        texts |= {name: str(plain[name]) if plain[name] else None for name in ("notice_period", "billing_rhythm")}
        billed = one.next_billing_date
        if billed is not None and (one.end_date is not None and billed > one.end_date + timedelta(days=1)):
            billed = one.end_date + timedelta(
                days=1
            )  # the database does not have lines that are billed beyond their end
        rows.append(
            {
                **plain, **texts, "next_billing_date": billed, "id": f"{subscription}-{number}", "subscription": subscription,
                "partner": "vendor" if number % 2 else "customer", "frozen_by": f"{subscription}/1" if one.frozen else None,
            }
        )  # fmt: skip
    return rows

"""The nightly update on a real database: what the rule says, done to many lines at once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.lines.runs import LineDatesProgress, Scope
from domain.lines.terms import update_as_of
from domain.vocabulary import Channel
from records.lines.nightly import update_chunk
from records.lines.rows import as_domain
from records.lines.runs import open_run, progress_of
from storage.tables import (
    AuditRow,
    ContractLineRow,
    ContractRow,
    MessageRow,
    OrganizationRow,
    SubscriptionLineRow,
    SubscriptionRow,
)
from tests.domain.lines.date_strategies import days, lines

NOW = datetime(2026, 10, 1, 23, tzinfo=UTC)
TODAY = date(2026, 10, 1)
YEARLY = {"subsequent_term": "1Y", "notice_period": "3M"}
DUE: dict[str, Any] = {
    **YEARLY,
    "term_until": date(2026, 12, 31),
    "cancellation_possible_until": date(2026, 9, 30),
}
ENDED: dict[str, Any] = {"end_date": date(2026, 9, 30), "next_billing_date": date(2026, 10, 1)}

Add = Callable[..., str]


@pytest.fixture
def add(engine: Engine) -> Add:
    """Add a line; without more said its subscription is SUB-1."""
    with Session(engine) as session, session.begin():
        session.add(
            OrganizationRow(
                id="ORG-1", url="https://contoso.example", unique_name="contoso", time_zone="Europe/Berlin",
                platform="commerce_transaction", purpose="production", billing_administrator="ann@example.com",
            )
        )  # fmt: skip

    def add_line(line: str, subscription: str = "SUB-1", contract: str | None = None, **fields: Any) -> str:
        with Session(engine) as session, session.begin():
            if session.get(SubscriptionRow, subscription) is None:
                session.add(SubscriptionRow(id=subscription, organization="ORG-1", description="CRM"))
                session.flush()
            session.add(SubscriptionLineRow(**{**a_row(line, subscription), **fields}))
            session.flush()
            if contract is not None:
                if session.get(ContractRow, contract) is None:
                    session.add(ContractRow(number=contract, partner=fields.get("partner", "customer")))
                    session.flush()
                taken = session.scalar(select(func.count()).where(ContractLineRow.contract == contract)) or 0
                session.add(ContractLineRow(contract=contract, line_number=taken + 1, subscription_line=line))
        return line

    return add_line


def a_row(line: str, subscription: str) -> dict[str, Any]:
    return {
        "id": line,
        "subscription": subscription,
        "partner": "customer",
        "start_date": date(2020, 1, 1),
        "billing_rhythm": "1M",
    }


def run(
    engine: Engine,
    as_of: date = TODAY,
    *,
    name: str = "run",
    scope: Scope | None = None,
    limit: int = 10_000,
    channels: frozenset[Channel] = frozenset({Channel.WEBHOOK}),
) -> LineDatesProgress:
    """One pass of a run."""
    with Session(engine) as session, session.begin():
        before = open_run(session, name, as_of=as_of, zone="UTC", scope=scope or Scope(), actor="tester", at=NOW)
    for _ in range(10_000):
        with engine.begin() as connection:
            if update_chunk(connection, name, at=NOW, channels=channels, limit=limit).pass_ended:
                break
    with Session(engine) as session:
        progress = progress_of(session, name)
    assert progress.passes == before.passes + 1
    return progress


def line(engine: Engine, name: str) -> SubscriptionLineRow:
    with Session(engine) as session:
        return session.get_one(SubscriptionLineRow, name)


def dates(engine: Engine, name: str) -> tuple[date | None, date | None]:
    row = line(engine, name)
    return row.term_until, row.cancellation_possible_until


def trail(engine: Engine) -> Sequence[AuditRow]:
    with Session(engine) as session:
        return session.scalars(select(AuditRow).order_by(AuditRow.id)).all()


def all_lines(connection: Connection) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for row in connection.execute(
            text(
                "SELECT id, term_until, cancellation_possible_until, end_date, closed FROM subscription_lines ORDER BY id"
            )
        )
    ]


@contextmanager
def holding(engine: Engine, statement: str) -> Iterator[None]:
    """Hold rows in a transaction of somebody else's."""
    with engine.connect() as other, other.begin():
        other.execute(text(statement))
        yield


def test_a_line_past_its_deadline_is_rolled_and_the_audit_trail_says_by_whom_when_and_why(
    engine: Engine, add: Add
) -> None:
    add("L1", **DUE)
    progress = run(engine)
    assert (progress.due, progress.rolled, progress.closed, progress.failed) == (1, 1, 0, 0)
    assert dates(engine, "L1") == (date(2027, 12, 31), date(2027, 9, 30))
    (row,) = trail(engine)
    assert (row.action, row.actor, row.at, row.run) == ("line.term_rolled", "tester", NOW, "run")
    assert (row.subscription, row.subscription_line) == ("SUB-1", "L1")
    assert row.why == "2026-09-30 is past, extended by 1Y (rules, section 5)"
    assert row.before is not None
    assert row.after is not None
    assert (row.before["term_until"], row.after["term_until"]) == ("2026-12-31", "2027-12-31")
    assert (row.before["cancellation_possible_until"], row.after["cancellation_possible_until"]) == (
        "2026-09-30",
        "2027-09-30",
    )


def test_a_line_that_stands_until_the_end_of_the_calendar_is_never_due(engine: Engine, add: Add) -> None:
    last = date(9999, 12, 31)
    add("L1", **YEARLY, term_until=last, cancellation_possible_until=last)
    assert run(engine, last).due == 0


def test_the_deadline_day_itself_is_not_past(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    assert run(engine, date(2026, 9, 30)).due == 0
    assert dates(engine, "L1") == (date(2026, 12, 31), date(2026, 9, 30))


def test_a_second_run_changes_nothing_and_leaves_no_trace(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    add("L2", **ENDED)
    run(engine)
    with engine.connect() as connection:
        before = all_lines(connection)
    kept = len(trail(engine))
    again = run(engine, name="again")
    assert (again.due, again.rolled, again.closed) == (0, 0, 0)
    with engine.connect() as connection:
        assert all_lines(connection) == before
    assert len(trail(engine)) == kept


def test_a_closed_line_closes_its_contract_line_and_the_last_one_ends_the_provision(engine: Engine, add: Add) -> None:
    add("L1", contract="CC-1", **ENDED)
    add("L2", contract="CC-1", end_date=date(2026, 10, 31), next_billing_date=date(2026, 11, 1))
    assert run(engine).closed == 1
    with Session(engine) as session:
        of = {row.subscription_line: row.closed for row in session.scalars(select(ContractLineRow))}
        assert of == {"L1": True, "L2": False}
        assert session.get_one(SubscriptionRow, "SUB-1").provision_end_date is None
    assert run(engine, date(2026, 11, 1), name="a month later").closed == 1
    with Session(engine) as session:
        assert session.get_one(SubscriptionRow, "SUB-1").provision_end_date == date(2026, 10, 31)
    assert [row.action for row in trail(engine)] == ["line.closed", "line.closed", "subscription.provision_ended"]


@pytest.mark.parametrize(
    "reason",
    [
        {"end_date": date(2026, 10, 1), "next_billing_date": date(2026, 10, 2)},
        {**ENDED, "next_billing_date": date(2026, 9, 30)},
        {**ENDED, "next_billing_date": None},
        {**ENDED, "open_billing_line": True},
    ],
    ids=["ends today", "not invoiced", "never billed", "billing line open"],
)
def test_a_line_that_is_not_past_its_end_and_fully_invoiced_stays_open(
    engine: Engine, add: Add, reason: dict[str, Any]
) -> None:
    add("L1", **reason)
    assert run(engine).due == 0
    assert not line(engine, "L1").closed


def test_a_frozen_line_is_closed_when_due_and_never_rolled(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    add("L2", **ENDED)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, "
                "received_at, received_on) VALUES ('SUB-1/1', 'SUB-1', 1, 'r', 'w', 'a', 'intake', now(), '2026-09-01')"
            )
        )
        connection.execute(text("UPDATE subscription_lines SET frozen_by = 'SUB-1/1'"))
    progress = run(engine)
    assert (progress.rolled, progress.closed) == (0, 1)
    assert dates(engine, "L1") == (date(2026, 12, 31), date(2026, 9, 30))
    assert line(engine, "L2").closed


def test_a_line_whose_dates_lead_out_of_the_calendar_is_reported_and_the_rest_goes_on(engine: Engine, add: Add) -> None:
    add("L1", **{**DUE, "term_until": date(9999, 12, 31)})
    add("L2", **{**DUE, "notice_period": "9999Y"})
    add("L3", **DUE)
    progress = run(engine, limit=1)
    assert (progress.rolled, progress.failed, progress.busy) == (1, 2, 0)
    assert [(failure.id, failure.code) for failure in progress.failures] == [
        ("L1", "date_out_of_range"),
        ("L2", "date_out_of_range"),
    ]
    assert dates(engine, "L3") == (date(2027, 12, 31), date(2027, 9, 30))
    again = run(engine)
    assert (again.failed, len(again.failures), again.rolled) == (2, 2, 1)


def test_a_line_that_somebody_holds_is_passed_by_and_the_next_pass_comes_back_to_it(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    add("L2", **DUE)
    with holding(engine, "SELECT FROM subscription_lines WHERE id = 'L1' FOR UPDATE"):
        progress = run(engine)
        assert (progress.rolled, progress.busy) == (1, 1)
    progress = run(engine)
    assert (progress.rolled, progress.busy) == (2, 0)


@pytest.mark.parametrize(
    "held",
    [
        "SELECT FROM subscriptions WHERE id = 'SUB-1' FOR UPDATE",
        "SELECT FROM contract_lines WHERE subscription_line = 'L1' FOR UPDATE",
    ],
    ids=["subscription", "contract line"],
)
def test_a_line_is_not_closed_while_somebody_holds_what_closes_with_it(engine: Engine, add: Add, held: str) -> None:
    add("L1", contract="CC-1", **ENDED)
    add("L2", "SUB-2", contract="CC-1", **ENDED)
    with holding(engine, held):
        progress = run(engine, limit=1)
        assert (progress.closed, progress.busy) == (1, 1)
        assert not line(engine, "L1").closed
    assert run(engine).closed == 2


def test_what_somebody_changed_before_the_line_was_held_is_not_overwritten(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    with Session(engine) as session, session.begin():
        open_run(session, "run", as_of=TODAY, zone="UTC", scope=Scope(), actor="tester", at=NOW)
        session.get_one(SubscriptionLineRow, "L1").cancellation_possible_until = date(2026, 10, 15)
    assert run(engine).rolled == 0
    assert dates(engine, "L1") == (date(2026, 12, 31), date(2026, 10, 15))


def test_a_reader_that_reads_for_long_neither_waits_nor_makes_the_update_wait(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as reader, reader.begin():
        before = all_lines(reader)
        assert run(engine).rolled == 1
        assert all_lines(reader) == before


def test_a_transaction_that_broke_off_leaves_the_run_where_it_was(engine: Engine, add: Add) -> None:
    for number in range(3):
        add(f"L{number}", **DUE)
    with Session(engine) as session, session.begin():
        open_run(session, "run", as_of=TODAY, zone="UTC", scope=Scope(), actor="tester", at=NOW)
    with engine.begin() as connection:
        update_chunk(connection, "run", at=NOW, limit=2)
    with engine.connect() as connection:  # closed without a commit, as by a crash
        update_chunk(connection, "run", at=NOW, limit=2)
    progress = run(engine, limit=2)
    assert progress.rolled == 3
    assert len(trail(engine)) == 3


@pytest.mark.parametrize(
    ("scope", "rolled"),
    [
        (Scope(subscription="SUB-2"), {"C2"}),
        (Scope(customer_contract="CC-1"), {"C1", "C2"}),
        (Scope(vendor_contract="VC-1"), {"V1"}),
        (Scope(), {"C1", "C2", "V1"}),
    ],
    ids=["subscription", "customer contract", "vendor contract", "everything"],
)
def test_only_the_lines_that_were_asked_for_are_updated(
    engine: Engine, add: Add, scope: Scope, rolled: set[str]
) -> None:
    add("C1", "SUB-1", "CC-1", **DUE)
    add("C2", "SUB-2", "CC-1", **DUE)
    add("V1", "SUB-1", "VC-1", partner="vendor", **DUE)
    progress = run(engine, scope=scope)
    assert progress.rolled == len(rolled)
    assert {row.subscription_line for row in trail(engine)} == rolled


def test_events_are_batched_and_numbered_on_across_chunks(engine: Engine, add: Add) -> None:
    add("L1", contract="CC-1", **ENDED)
    for number in range(2, 5):
        add(f"L{number}", **DUE)
    run(engine, limit=2)
    with Session(engine) as session:
        messages = session.scalars(select(MessageRow).order_by(MessageRow.sequence)).all()
    told = {message.id: [entry["id"] for entry in message.content["lines"]] for message in messages}
    assert told == {
        "run/line.closed/1/webhook": ["L1"],
        "run/line.term_rolled/2/webhook": ["L2"],
        "run/line.term_rolled/3/webhook": ["L3", "L4"],
    }
    closed = next(message for message in messages if message.event == "line.closed")
    assert closed.content["lines"][0] == {
        "id": "L1", "subscription": "SUB-1", "partner": "customer", "contract": "CC-1", "term_until": None,
        "cancellation_possible_until": None, "end_date": "2026-09-30",
    }  # fmt: skip


def test_where_no_system_listens_nothing_is_noted_to_be_told(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    run(engine, channels=frozenset({Channel.MAIL}))
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(MessageRow)) == 0


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
            update_chunk(connection, f"{night}", at=NOW)
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
        open_run(session, name, as_of=as_of, zone="UTC", scope=Scope(), actor="tester", at=NOW)
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
                **plain, **texts, "next_billing_date": billed, "id": f"L{number}", "subscription": "S",
                "partner": "vendor" if number % 2 else "customer", "frozen_by": "S/1" if one.frozen else None,
            }
        )  # fmt: skip
    with Session(connection) as session:
        session.add_all(SubscriptionLineRow(**row) for row in rows)
        session.flush()

"""The figures of the service: what is counted, from when on something is late, and that indexes alone find it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, func, select, text, update
from sqlalchemy.orm import Session

from domain.cancellation.waiting import Awaited
from domain.marketing import MarketingStage
from domain.migration import MigrationStage
from domain.vocabulary import Channel, Stage
from domain.webhooks import EndpointState
from records.audit_seals import seal
from records.measurements import OVERDUE_AFTER, Measurements, measure
from records.transaction import Transaction
from storage.tables import (
    CancellationRow,
    LineDatesRunRow,
    MessageRow,
    MigrationRow,
    SubscriptionLineRow,
    Table,
    WebhookEndpointRow,
)
from tests.records.cancellation.opened_cases import COMPLETE, opened
from tests.support.import_documents import NOON, Document, Import, line

CASE = "SUB-1/1"
ZONE = "Europe/Berlin"
HOUR = timedelta(hours=1)


@pytest.fixture
def case(imported: Import, document: Document, engine: Engine) -> Engine:
    """A case of noon, at the intake, with its receipt on the way by mail and by webhook."""
    document["invoices"], line(document)["planned_lines"] = [], []
    imported(document)
    opened(engine, answers=COMPLETE, attested_because="called back")
    return engine


def measured(engine: Engine, after: timedelta = HOUR) -> Measurements:
    with Session(engine) as session:
        return measure(session, at=NOON + after, zone=ZONE)


def change(engine: Engine, table: type[Table], values: dict[str, Any]) -> None:
    with engine.begin() as connection:
        connection.execute(update(table).values(values))


def run_on(engine: Engine, run: str, scope: dict[str, str], after: timedelta = timedelta()) -> None:
    """Record a run of five minutes."""
    started = NOON + after
    with Session(engine) as session, session.begin():
        session.add(
            LineDatesRunRow(
                id=run, as_of=NOON.date(), zone=ZONE, scope=scope, actor="tester", started_at=started, due=0, unchanged=0,
                finished_at=started + timedelta(minutes=5),
            )
        )  # fmt: skip


@contextmanager
def asked(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Note the statements that an engine is asked, with their parameters."""
    statements: list[tuple[str, Any]] = []

    def note(_: Connection, __: object, statement: str, parameters: Any, *___: object) -> None:
        statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def test_every_stage_is_counted_also_where_no_case_is(case: Engine) -> None:
    with Session(case) as session, session.begin():
        session.add(
            MigrationRow(
                cancellation=CASE, organization="ORG-1", queue="billing_support", stage="requested", stage_since=NOON,
                requested_at=NOON,
            )
        )  # fmt: skip
    found = measured(case).open_cases

    assert {key for key, number in found.items() if number} == {("cancellation", "intake"), ("migration", "requested")}
    assert ("cancellation", Stage.CANCELED) in found
    assert ("migration", MigrationStage.AVAILABLE) in found
    assert ("marketing_service", MarketingStage.STOPPING) in found
    assert ("cancellation", Stage.CLOSED) not in found


def test_a_case_is_overdue_some_minutes_after_the_deadline_of_its_stage(case: Engine) -> None:
    with Session(case) as session:
        deadline = session.get_one(CancellationRow, CASE).stage_deadline
    assert deadline is not None

    assert set(measured(case, deadline - NOON + OVERDUE_AFTER).overdue.values()) == {0}
    late = measured(case, deadline - NOON + OVERDUE_AFTER + timedelta(seconds=1)).overdue
    assert {awaited for awaited, number in late.items() if number} == {Awaited.LINES}


def test_a_preparation_ages_from_its_receipt(case: Engine) -> None:
    assert measured(case).oldest_preparation == timedelta()
    change(case, CancellationRow, {"stage": "preparing"})
    assert measured(case).oldest_preparation == HOUR


def test_the_oldest_message_of_a_channel_is_as_old_as_what_it_announces(case: Engine) -> None:
    pending = measured(case).pending

    assert pending[Channel.MAIL].messages == pending[Channel.WEBHOOK].messages == 1
    assert pending[Channel.MAIL].oldest == pending[Channel.WEBHOOK].oldest == HOUR
    assert measured(case, -HOUR).pending[Channel.MAIL].oldest == timedelta()

    change(case, MessageRow, {"delivered_at": NOON})
    assert {(each.messages, each.oldest) for each in measured(case).pending.values()} == {(0, timedelta())}


def test_what_is_kept_for_a_paused_endpoint_is_not_late(case: Engine) -> None:
    change(case, WebhookEndpointRow, {"state": "paused", "paused_at": NOON, "paused_by": "agent-7"})
    found = measured(case)

    assert found.pending[Channel.WEBHOOK].messages == 0
    assert found.endpoints == {EndpointState.ACTIVE: 0, EndpointState.PAUSED: 1, EndpointState.REMOVED: 0}


def test_lines_of_tonight_are_due_and_those_of_last_night_overdue(case: Engine) -> None:
    terms = {"subsequent_term": "1Y", "notice_period": "3M", "term_until": date(2027, 2, 21), "frozen_by": None}
    change(case, SubscriptionLineRow, {**terms, "cancellation_possible_until": date(2026, 11, 21), "end_date": None})
    with Session(case) as session:
        lines = session.scalar(select(func.count()).select_from(SubscriptionLineRow))

    today = measured(case)
    assert (today.lines_due, today.lines_overdue) == (lines, 0)
    tomorrow = measured(case, timedelta(days=1))
    assert (tomorrow.lines_due, tomorrow.lines_overdue) == (lines, lines)


def test_the_last_night_is_the_newest_run_on_every_line(case: Engine) -> None:
    assert measured(case).nightly is None

    run_on(case, "nightly/1", {})
    run_on(case, "asked-for/1", {"subscription": "SUB-1"}, after=HOUR)
    found = measured(case).nightly
    assert found is not None
    assert (found.started_at, found.finished_at) == (NOON, NOON + timedelta(minutes=5))


def test_an_entry_of_the_audit_trail_ages_until_it_is_sealed(case: Engine) -> None:
    assert measured(case).oldest_unsealed == HOUR

    with Transaction.begin(case, frozenset()) as transaction:
        seal(transaction, at=NOON + HOUR)
    assert measured(case).oldest_unsealed == timedelta()


def test_indexes_find_every_figure(case: Engine) -> None:
    run_on(case, "nightly/1", {})
    with asked(case) as statements:
        measured(case)
    assert len(statements) > 10

    with case.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for statement, parameters in statements:
            plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
            whole = [row for row in plan if "Seq Scan" in row and "on webhook_endpoints" not in row]  # there are a few
            assert not whole, (statement, plan)

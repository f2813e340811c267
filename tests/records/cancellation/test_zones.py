"""A zone that an import changes while a case runs: the case keeps the one that it was opened with, and every day of it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from domain.messaging import MessageFacts
from records.cancellation import transitions
from records.cancellation.case_list import case_summary
from records.cancellation.lists import recorded_status, time_zone_of
from records.cancellation.locked_case import lock_case
from records.transaction import Transaction
from storage.schema import migrate
from storage.tables import MessageRow
from tests.records.cancellation.received_cases import BOTH, CASE, complete, row, settle, step
from tests.support.import_documents import NOON, Document, Import

OPENED_IN, MOVED_TO = "Pacific/Auckland", "America/Los_Angeles"
BEGINS = datetime(2026, 12, 30, 11, tzinfo=UTC)
"""The beginning of 2026-12-31 in Auckland; it is still the 30th in Los Angeles."""
ENDS = datetime(2027, 1, 30, 11, tzinfo=UTC)
"""The end of the 30th day after it, in Auckland."""

Move = Callable[[], None]


@pytest.fixture
def move(imported: Import, document: Document) -> Move:
    """Import the organization with another zone."""
    del document["organizations"][0]["marketing_service"]
    imported(document)

    def move() -> None:
        document["organizations"][0]["time_zone"] = MOVED_TO
        imported({"policies": document["policies"], "organizations": document["organizations"]})

    return move


def take_effect(engine: Engine) -> Any:
    with Transaction.begin(engine, BOTH) as transaction:
        return transitions.take_effect(transaction, step("effect", BEGINS))


def facts(engine: Engine) -> list[MessageFacts]:
    with Session(engine) as session:
        query = select(MessageRow.content).where(MessageRow.channel == "mail").order_by(MessageRow.sequence)
        return [MessageFacts.model_validate(content) for content in session.scalars(query)]


def test_a_scheduled_case_takes_effect_on_the_promised_day(engine: Engine, move: Move) -> None:
    complete(engine, NOON, entered_at=None)
    settle(engine)
    move()

    with Transaction.begin(engine, BOTH) as transaction:
        again = transitions.settle_lines(transaction, step("settle"))
    effect = take_effect(engine)

    assert again.termination_day_begins_at == BEGINS
    assert (effect.access_ended_on, effect.reversal_deadline) == (date(2026, 12, 31), ENDS)
    assert {told.time_zone for told in facts(engine)} == {OPENED_IN}


def test_nothing_moves_in_the_reversal_window(engine: Engine, move: Move) -> None:
    complete(engine, NOON, entered_at=None)
    settle(engine)
    take_effect(engine)
    move()

    with Session(engine) as session:
        listed, status = case_summary(session, CASE), recorded_status(session, "SUB-1")
        assert time_zone_of(session, "SUB-1") == OPENED_IN
    for shown in (listed, status):
        assert (shown.time_zone, shown.access_ended_on) == (OPENED_IN, date(2026, 12, 31))
        assert shown.reversal_deadline == ENDS
    with Transaction.begin(engine, BOTH) as transaction:
        transitions.reverse(transaction, step("reversed", ENDS - timedelta(seconds=1)))
    assert facts(engine)[-1].time_zone == OPENED_IN


def test_a_case_in_intake_is_decided_by_its_day_of_receipt(engine: Engine, move: Move) -> None:
    complete(engine, NOON, entered_at=None)
    move()
    settle(engine)
    assert row(engine).received_on == date(2026, 11, 23)
    assert {told.received_on for told in facts(engine)} == {date(2026, 11, 23)}


def test_the_next_case_has_the_zone_of_its_own_time(engine: Engine, move: Move) -> None:
    complete(engine, NOON, entered_at=None)
    with Transaction.begin(engine, BOTH) as transaction:
        transitions.withdraw(transaction, step("withdrawn"))
    move()
    opened = complete(engine, NOON + timedelta(hours=1), entered_at=None, request="again")
    assert (opened.received_on, opened.checklist.facts.time_zone) == (date(2026, 11, 22), MOVED_TO)


def test_cases_from_before_keep_the_zone_that_their_organization_has_at_the_upgrade(engine: Engine, move: Move) -> None:
    migrate.downgrade(engine.url, "0012")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, "
                "received_at, received_on) VALUES (:case, 'SUB-1', 1, 'r', 'w', 'agent', 'intake', :noon, '2026-11-23')"
            ),
            {"case": CASE, "noon": NOON},
        )
    migrate.upgrade(engine.url)
    move()
    assert row(engine).time_zone == OPENED_IN


def test_a_case_that_a_worker_of_before_opened_keeps_the_zone_in_which_a_step_finds_it(
    engine: Engine, move: Move
) -> None:
    complete(engine, NOON, entered_at=None)
    with engine.begin() as connection:
        connection.execute(text("UPDATE cancellations SET time_zone = NULL"))
    with Transaction.begin(engine, BOTH) as transaction:
        assert lock_case(transaction, CASE).zone == OPENED_IN
    move()
    assert row(engine).time_zone == OPENED_IN

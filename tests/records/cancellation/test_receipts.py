"""A cancellation that is entered after it was received: decided on the lines as they were then, and in the trail as it was."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from contract.steps import Receipt
from domain.lines.past import LineUnknownOnDay
from domain.messaging import MessageFacts
from domain.receipt import BackdatingNeedsReason, ReceivedBeforeEarlierEnd
from domain.vocabulary import ReceiptChannel
from records.cancellation import transitions
from records.cancellation.case_list import case_summary, list_cases
from records.cancellation.lists import status_of_case
from records.imports import import_content
from records.transaction import Transaction
from storage.tables import AuditRow, CancellationRow, MessageRow
from tests.records.cancellation.received_cases import BOTH, CASE, complete, line_row, receive, row, settle, step
from tests.records.lines.nightly_runs import run
from tests.support.import_documents import NOON, Document, Import, line

DAY_AFTER_DEADLINE = date(2026, 11, 25)
DEADLINE = datetime(2026, 9, 30, 10, 59, tzinfo=UTC)
"""A minute before the end of 2026-09-30 in Auckland."""
LATE = "found behind a cupboard"


@pytest.fixture
def known(engine: Engine, document: Document) -> Engine:
    """A subscription of one line, 1Y/1Y/3M from 2026-01-01, known since March."""
    del document["organizations"][0]["marketing_service"]
    document["subscriptions"][0]["lines"] = document["subscriptions"][0]["lines"][:1]
    line(document)["planned_lines"] = []
    at = datetime(2026, 3, 1, tzinfo=UTC)
    import_content(engine, json.dumps(document).encode(), actor="tester", at=at, source="test.json")
    return engine


def trail(engine: Engine, action: str) -> AuditRow:
    with Session(engine) as session:
        return session.scalars(select(AuditRow).where(AuditRow.action == action)).one()


def facts(engine: Engine, event: str) -> MessageFacts:
    with Session(engine) as session:
        query = select(MessageRow.content).where(MessageRow.event == event, MessageRow.channel == "webhook")
        return MessageFacts.model_validate(session.scalars(query).one())


def test_a_letter_counts_from_its_day_and_everything_says_so(known: Engine) -> None:
    run(known, DAY_AFTER_DEADLINE)
    opened = receive(known, DEADLINE, because=LATE, answers={"termination_date": "2026-12-31"})

    assert (opened.received_on, opened.received_at, opened.entered_at) == (date(2026, 9, 30), DEADLINE, NOON)
    assert opened.channel is ReceiptChannel.LETTER
    assert opened.quote.billing_ends_on == date(2026, 12, 31)
    entry = trail(known, "cancellation.opened")
    assert entry.at == DEADLINE
    assert entry.after == {
        "stage": "intake", "entered_at": NOON.isoformat(), "channel": "letter", "received_because": LATE,
    }  # fmt: skip
    with Session(known) as session:
        listed, status = case_summary(session, CASE), status_of_case(session, CASE)
    told = facts(known, "cancellation.received")
    for shown in (listed, status, told):
        assert (shown.received_at, shown.channel, shown.request_id) == (DEADLINE, ReceiptChannel.LETTER, "R")
    assert told.intake_ends_at == NOON + timedelta(days=30)


def test_a_receipt_long_ago_needs_a_reason_and_nothing_is_opened_without(known: Engine) -> None:
    fourteen_days_ago = datetime(2026, 11, 8, 12, tzinfo=UTC)
    with pytest.raises(BackdatingNeedsReason):
        receive(known, fourteen_days_ago - timedelta(days=1))
    with Session(known) as session:
        assert list_cases(session).cancellations == ()
    assert receive(known, fourteen_days_ago).received_on == date(2026, 11, 9)


def test_the_policy_says_how_long_ago(known: Engine) -> None:
    with known.begin() as connection:
        connection.execute(text("UPDATE policies SET durations = durations || '{\"backdating_days\": 60}'"))
    assert receive(known, DEADLINE).received_on == date(2026, 9, 30)


def test_an_update_between_receipt_and_settling_takes_no_deadline_away(known: Engine) -> None:
    """Received on the deadline day, verified three days later, with the nightly updates in between."""
    complete(known, DEADLINE, entered_at=None)
    run(known, date(2026, 10, 1), name="night-1")
    run(known, date(2026, 10, 2), name="night-2")
    assert line_row(known).term_until == date(2027, 12, 31)

    settle(known, DEADLINE + timedelta(days=3))

    settled = line_row(known)
    assert settled.end_date == date(2026, 12, 31)
    assert (settled.term_until, settled.cancellation_possible_until) == (date(2026, 12, 31), date(2026, 9, 30))
    quote: dict[str, Any] = row(known).quote or {}
    assert quote["lines"][0]["decision"]["in_due_time"]


@pytest.mark.parametrize(("days_later", "term_until"), [(10, date(2027, 12, 31)), (400, date(2028, 12, 31))])
def test_a_reversal_restores_the_line_as_it_would_be_without_the_case(
    known: Engine, days_later: int, term_until: date
) -> None:
    complete(known, DEADLINE, entered_at=None)
    run(known, date(2026, 10, 1))
    settle(known, DEADLINE + timedelta(days=3))

    with Transaction.begin(known, BOTH) as transaction:
        transitions.withdraw(transaction, step("withdrawn", DEADLINE + timedelta(days=days_later)))

    restored = line_row(known)
    assert (restored.end_date, restored.frozen_by, restored.term_until) == (None, None, term_until)


def test_a_day_on_which_the_line_is_unknown_opens_nothing(engine: Engine, document: Document, imported: Import) -> None:
    line(document)["term_until"] = "2027-12-31"
    imported(document)
    with pytest.raises(LineUnknownOnDay):
        receive(engine, DEADLINE, because=LATE)
    with Session(engine) as session:
        assert list_cases(session).cancellations == ()


def test_a_letter_that_a_later_withdrawal_overtook_opens_no_new_case(known: Engine) -> None:
    complete(known, NOON - timedelta(days=5), entered_at=None)
    with Transaction.begin(known, BOTH) as transaction:
        transitions.withdraw(transaction, step("withdrawn", NOON - timedelta(days=2)))

    with pytest.raises(ReceivedBeforeEarlierEnd) as refused:
        receive(known, NOON - timedelta(days=3), request="again")
    assert refused.value.values["cancellation"] == CASE
    assert receive(known, NOON - timedelta(days=1), request="again").cancellation == "SUB-1/2"


def test_a_withdrawal_by_letter_is_dated_when_it_was_received(known: Engine) -> None:
    complete(known, NOON - timedelta(days=5), entered_at=None)
    arrived = NOON - timedelta(days=1)
    receipt = Receipt(entered_at=NOON, channel=ReceiptChannel.LETTER)
    with Transaction.begin(known, BOTH) as transaction:
        transitions.withdraw(transaction, step("withdrawn", NOON, asked_at=arrived, receipt=receipt))

    entry, told = trail(known, "cancellation.withdrawn"), facts(known, "cancellation.withdrawn")
    assert (entry.at, entry.after) == (
        arrived,
        {"stage": "withdrawn", "entered_at": NOON.isoformat(), "channel": "letter"},
    )
    assert (told.occurred_at, told.request_channel) == (arrived, ReceiptChannel.LETTER)


@pytest.mark.parametrize("change", [{"channel": "pigeon"}, {"entered_at": DEADLINE - timedelta(days=1)}])
def test_the_database_refuses_another_channel_and_an_entry_before_the_receipt(
    known: Engine, change: dict[str, Any]
) -> None:
    receive(known, DEADLINE, because=LATE)
    with pytest.raises(IntegrityError), known.begin() as connection:
        connection.execute(update(CancellationRow).values(**change))

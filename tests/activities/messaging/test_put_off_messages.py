"""A message that an endpoint always puts off: it keeps those of its case waiting, those of no other, and not for ever."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text, update
from sqlalchemy.orm import Session
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.messaging.waiting import LONGEST_WAIT
from activities.messaging.webhooks import LOOKS_IN_A_ROW, Webhooks
from domain.vocabulary import Channel
from domain.webhooks import DEAD_AFTER, GIVEN_UP_AFTER, EndpointState
from records.transaction import Transaction
from records.webhooks import endpoints
from records.webhooks.claims import claim_next
from records.webhooks.serving import endpoints_to_serve
from storage.tables import MessageRow
from tests.activities.messaging.endpoint import Endpoint
from tests.activities.messaging.endpoints import (
    OWNER,
    WHO,
    another_case,
    audited,
    both,
    change,
    client,
    crm,
    deliver,
    deliver_of,
    erp,
    ids,
    row,
    tell,
    webhooks,
)  # fmt: skip
from tests.activities.messaging.outbox import messages
from tests.activities.messaging.postbox import Postbox
from tests.activities.messaging.samples import CANCELLATION

__all__ = ["both", "client", "crm", "erp", "webhooks"]

POISON = f"{CANCELLATION}/poison"
DUE = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def other(engine: Engine) -> str:
    """Another case, with messages of its own."""
    return another_case(engine, 2001)


@pytest.fixture(autouse=True)
def _poison(engine: Engine, crm: Endpoint, both: None) -> None:
    crm.refused = CANCELLATION
    tell(engine, "poison", "after")


def look(webhooks: Webhooks, *, attempt: int = 1) -> bool:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt)
    return environment.run(webhooks.backfill_webhooks, "crm")


def looks(webhooks: Webhooks, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ApplicationError) as put_off:
            look(webhooks)
        assert put_off.value.next_retry_delay is not None
        assert put_off.value.next_retry_delay <= LONGEST_WAIT


def set_message(engine: Engine, message: str, **values: Any) -> None:
    with Session(engine) as session, session.begin():
        session.execute(update(MessageRow).where(MessageRow.id == f"{message}/webhook/crm").values(values))


def state(engine: Engine, message: str) -> MessageRow:
    [found] = [each for each in messages(engine, Channel.WEBHOOK) if each.id == f"{message}/webhook/crm"]
    return found


def test_what_other_cases_have_goes_out_and_what_its_own_case_has_waits(
    engine: Engine, webhooks: Webhooks, crm: Endpoint, other: str
) -> None:
    tell(engine, "one", "two", cancellation=other)
    looks(webhooks, 2)
    assert [each for each in ids(crm) if each.startswith(other)] == [f"{other}/one", f"{other}/two"]
    assert f"{CANCELLATION}/after" not in ids(crm)

    crm.refused = None
    crm.requests.clear()
    set_message(engine, POISON, next_attempt_at=DUE)
    assert look(webhooks) is True
    assert ids(crm) == [POISON, f"{CANCELLATION}/after"]


def test_however_often_it_is_tried_a_message_of_another_case_is_sent_at_once(
    engine: Engine, webhooks: Webhooks, crm: Endpoint, other: str
) -> None:
    for _ in range(12):
        looks(webhooks, 1)
        set_message(engine, POISON, next_attempt_at=DUE)
    assert state(engine, POISON).put_off == 12
    tell(engine, "one", cancellation=other)
    deliver_of(webhooks, other)
    assert ids(crm)[-1] == f"{other}/one"


def test_an_endpoint_that_takes_nothing_is_asked_the_less_the_more_cases_have_something_for_it(
    engine: Engine, webhooks: Webhooks, crm: Endpoint
) -> None:
    crm.statuses = [503] * 100
    for case in [another_case(engine, number) for number in range(2001, 2009)]:
        tell(engine, "one", cancellation=case)
        with pytest.raises(ApplicationError, match="answered 503"):
            deliver_of(webhooks, case)
    asked = row(engine, "crm")
    assert asked.failures == len(crm.requests) < 8
    assert asked.next_attempt_at is not None
    assert asked.failing_since is not None
    assert asked.next_attempt_at > asked.failing_since


def test_it_is_shown_and_served_although_the_endpoint_takes_others(
    engine: Engine, webhooks: Webhooks, other: str
) -> None:
    looks(webhooks, 1)
    tell(engine, "one", cancellation=other)
    deliver_of(webhooks, other)
    with Session(engine) as session:
        shown = endpoints.endpoint(session, "crm")
        assert endpoints_to_serve(session, after="", limit=10) == ["crm"]
    assert (shown.failing_since, shown.pending, shown.put_off) == (None, 2, 1)
    assert shown.put_off_since == state(engine, POISON).put_off_since
    set_message(engine, POISON, next_attempt_at=datetime.max.replace(tzinfo=UTC))
    with pytest.raises(ApplicationError, match="puts off what waits for it, and takes other messages"):
        deliver(webhooks)


def test_after_days_in_which_the_endpoint_took_others_it_is_given_up_and_the_owner_is_notified_once(
    engine: Engine, webhooks: Webhooks, crm: Endpoint, other: str, postbox: Postbox
) -> None:
    looks(webhooks, 1)
    tell(engine, "one", cancellation=other)
    deliver_of(webhooks, other)
    set_message(engine, POISON, put_off_since=datetime.now(UTC) - GIVEN_UP_AFTER, next_attempt_at=DUE)
    looks(webhooks, 1)
    [failed] = audited(engine, "message.failed")
    assert failed.why == (
        "The webhook endpoint 127.0.0.1 answered 503. It has put this message off for 3 days, and taken others."
    )
    assert state(engine, POISON).failed_at is not None
    assert row(engine, "crm").state == EndpointState.ACTIVE

    crm.refused = None
    assert look(webhooks) is True
    assert ids(crm)[-1] == f"{CANCELLATION}/after"
    ActivityEnvironment().run(webhooks.notify_owner, "crm")
    [notice] = postbox.taken
    assert postbox.recipients == [OWNER]
    assert notice["Subject"] == "A message to your webhook endpoint crm was given up"


def test_while_the_endpoint_takes_nothing_it_is_kept_and_the_endpoint_is_paused_after_days(
    engine: Engine, webhooks: Webhooks
) -> None:
    looks(webhooks, 1)
    long_ago = datetime.now(UTC) - DEAD_AFTER
    set_message(engine, POISON, put_off_since=long_ago, next_attempt_at=DUE)
    change(engine, "crm", failing_since=long_ago)
    assert look(webhooks) is True
    assert row(engine, "crm").state == EndpointState.PAUSED
    assert state(engine, POISON).failed_at is None


def test_after_the_endpoint_is_resumed_it_is_as_if_it_had_never_been_put_off(
    engine: Engine, webhooks: Webhooks, crm: Endpoint
) -> None:
    looks(webhooks, 1)
    set_message(engine, POISON, put_off=80, put_off_since=datetime.now(UTC) - GIVEN_UP_AFTER)
    set_message(engine, POISON, next_attempt_at=datetime.max.replace(tzinfo=UTC))
    now = {**WHO, "at": datetime.now(UTC)}
    with Transaction.begin(engine) as transaction:
        endpoints.pause(transaction, "crm", reason="maintenance", request="pause-1", **now)
    with Transaction.begin(engine) as transaction:
        endpoints.resume(transaction, "crm", reason="done", request="resume-1", **now)
    looks(webhooks, 1)
    assert ids(crm) == [POISON] * 2
    assert (state(engine, POISON).put_off, state(engine, POISON).failed_at) == (1, None)


def test_a_workflow_that_serves_it_may_continue_as_new_every_hour(webhooks: Webhooks) -> None:
    assert look(webhooks, attempt=LOOKS_IN_A_ROW) is False


@pytest.fixture
def statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the database."""
    asked: list[tuple[str, Any]] = []

    def keep(_c: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", keep)
    yield asked
    event.remove(engine, "before_cursor_execute", keep)


@pytest.mark.parametrize("whose", [MessageRow.recipient == "crm", MessageRow.cancellation == CANCELLATION])
def test_the_choice_of_the_next_message_reads_by_an_index_what_is_owed_and_nothing_else(
    engine: Engine, statements: list[tuple[str, Any]], whose: Any
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO messages (id, cancellation, event, channel, recipient, content, created_at, delivered_at)"
                " SELECT 'old-' || n, :case, 'cancellation.rescheduled', 'webhook', 'crm', '{}', now(), now()"
                " FROM generate_series(1, 20000) n"
            ),
            {"case": CANCELLATION},
        )
        connection.execute(text("ANALYZE messages"))
    statements.clear()
    with Transaction.begin(engine) as transaction:
        assert claim_next(transaction, whose, at=datetime.now(UTC)) is not None
        [(claim, values)] = statements
        plan = "\n".join(
            line for (line,) in transaction.session.connection().exec_driver_sql(f"EXPLAIN {claim}", values)
        )
    assert "Seq Scan on messages" not in plan
    assert "ix_messages_of_endpoints" not in plan
    assert "ix_messages_owed_of_cases" in plan

"""A webhook endpoint that answers slowly: the others do not wait for it, and its own messages stay in their order."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.messaging import places, webhook_sender
from activities.messaging import webhooks as delivering
from activities.messaging.places import OF_SLOW_ENDPOINT, Places
from activities.messaging.waiting import LONGEST_WAIT
from activities.messaging.webhooks import BUSY, Webhooks
from domain.vocabulary import Channel, Event, Stage
from records import outbox
from records.transaction import Transaction
from records.webhooks import endpoints, health
from records.webhooks.claims import Room, claim_next
from tests.activities.messaging.endpoint import Endpoint
from tests.activities.messaging.endpoints import (
    WHO,
    add,
    another_case,
    change,
    client,
    crm,
    deliver,
    deliver_of,
    erp,
    heard,
    ids,
    row,
    tell,
    webhooks,
)
from tests.activities.messaging.outbox import messages, told
from tests.activities.messaging.samples import CANCELLATION, facts

__all__ = ["client", "crm", "erp", "webhooks"]

PATIENCE = 60.0
"""Seconds that a busy machine may take for a request to arrive."""
UNDER_WAY = "Other messages are under way"


@pytest.fixture(autouse=True)
def _endless_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that nobody answers last until a test has them answered, and so does the turn of their delivery."""
    monkeypatch.setattr(webhook_sender, "TIMEOUT_SECONDS", 10 * PATIENCE)
    monkeypatch.setattr(delivering, "TURN_SECONDS", 10 * PATIENCE)


@pytest.fixture(autouse=True)
def both(engine: Engine, webhooks: Webhooks, crm: Endpoint, erp: Endpoint) -> Iterator[None]:
    """Two endpoints: the one, which is asked first, hears of the end of access, the other one of everything."""
    with crm.listening() as first, erp.listening() as second:
        add(engine, "crm", url=first, events=("cancellation.effective",))
        add(engine, "erp", url=second, events=())
        yield


@pytest.fixture
def beside(crm: Endpoint) -> Iterator[ThreadPoolExecutor]:
    """Threads for deliveries that wait for an endpoint, which answers at the end."""
    with ThreadPoolExecutor() as threads:
        yield threads
        crm.may_answer.set()


def effective(engine: Engine, *occasions: str, cancellation: str = CANCELLATION) -> None:
    about = facts(Stage.CANCELED).model_copy(update={"cancellation": cancellation})
    for occasion in occasions:
        told(engine, Event.EFFECTIVE, about, occasion=occasion)


def begun(beside: ThreadPoolExecutor, webhooks: Webhooks, crm: Endpoint, case: str = CANCELLATION) -> "Future[int]":
    """Begin a delivery that waits for an endpoint's answer."""
    crm.may_answer.clear()
    delivery = beside.submit(deliver_of, webhooks, case)
    assert crm.arrivals.acquire(timeout=PATIENCE)
    return delivery


def test_a_slow_endpoint_has_few_requests_under_way_and_what_is_for_others_goes_out(
    engine: Engine, webhooks: Webhooks, crm: Endpoint, erp: Endpoint, beside: ThreadPoolExecutor
) -> None:
    change(engine, "crm", slow_until=datetime.now(UTC) + timedelta(days=1))
    cases = [another_case(engine, number) for number in range(2001, 2001 + OF_SLOW_ENDPOINT + 1)]
    for case in cases:
        effective(engine, "effective", cancellation=case)
    under_way = [begun(beside, webhooks, crm, case) for case in cases[:-1]]
    with pytest.raises(ApplicationError, match=UNDER_WAY) as waits:
        deliver_of(webhooks, cases[-1])
    assert waits.value.next_retry_delay is not None
    assert timedelta() < waits.value.next_retry_delay <= LONGEST_WAIT
    assert ids(crm) == [f"{case}/effective" for case in cases[:-1]]
    assert ids(erp) == [f"{case}/effective" for case in cases]
    assert ActivityEnvironment().run(webhooks.test_webhook, "crm").failure == BUSY

    crm.may_answer.set()
    assert all(delivery.result() for delivery in under_way)
    deliver_of(webhooks, cases[-1])
    assert ids(crm) == [f"{case}/effective" for case in cases]


def test_of_one_case_the_prompt_endpoint_is_asked_first(
    engine: Engine, webhooks: Webhooks, crm: Endpoint, erp: Endpoint, beside: ThreadPoolExecutor
) -> None:
    change(engine, "crm", slow_until=datetime.now(UTC) + timedelta(days=1))
    effective(engine, "two", "three")
    delivery = begun(beside, webhooks, crm)
    assert heard(erp) == ["cancellation.effective", "cancellation.effective"]
    crm.may_answer.set()
    delivery.result()
    assert ids(crm) == [f"{CANCELLATION}/two", f"{CANCELLATION}/three"]


def test_an_endpoint_that_has_answered_slowly_is_slow_for_a_while_however_promptly_it_answers_then(
    engine: Engine, webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_slow() -> bool:
        return health.is_slow(row(engine, "erp"), datetime.now(UTC))

    monkeypatch.setattr(places, "PROMPT_SECONDS", PATIENCE)
    tell(engine, "one")
    deliver(webhooks)
    assert not is_slow(), "a new one is prompt"
    monkeypatch.setattr(places, "PROMPT_SECONDS", 0.0)
    tell(engine, "two")
    deliver(webhooks)
    assert is_slow()
    monkeypatch.setattr(places, "PROMPT_SECONDS", PATIENCE)
    change(engine, "erp", slow_until=datetime.now(UTC) + timedelta(days=1))
    tell(engine, "three", "four")
    deliver(webhooks)
    assert is_slow()
    change(engine, "erp", slow_until=datetime.now(UTC))
    assert not is_slow()


def test_slow_endpoints_have_their_turns_and_keep_no_new_one_waiting(engine: Engine, webhooks: Webhooks) -> None:
    def chosen(room: Room) -> str | None:
        with Transaction.begin(engine) as transaction:
            claimed = claim_next(transaction, outbox.about(CANCELLATION), at=datetime.now(UTC), room=room)
            transaction.session.rollback()
        return None if claimed is None else claimed[1].name

    effective(engine, "one")
    slow_until = datetime.now(UTC) + timedelta(days=1)
    change(engine, "crm", slow_until=slow_until)
    assert chosen(Room(asked=("crm", "erp"))) == "erp", "the prompt one is first"
    assert chosen(Room(for_slow_ones=False)) == "erp", "one that was never asked does not wait for a place of slow ones"
    assert chosen(Room(full=frozenset({"erp"}))) == "crm"
    assert chosen(Room(full=frozenset({"erp"}), full_if_slow=frozenset({"crm"}))) is None
    change(engine, "erp", slow_until=slow_until)
    for asked in (("crm", "erp"), ("erp", "crm")):
        assert chosen(Room(asked=asked)) == asked[0]
    assert chosen(Room(asked=("crm",))) == "erp"
    assert chosen(Room(for_slow_ones=False)) is None


def test_no_transaction_is_open_while_an_endpoint_is_asked(
    engine: Engine, webhooks: Webhooks, crm: Endpoint, beside: ThreadPoolExecutor
) -> None:
    effective(engine, "one")
    begun(beside, webhooks, crm)
    open_ones = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE '%transaction%'"
    )
    with Session(engine) as session:
        assert session.scalar(open_ones) == 0


def test_messages_of_a_case_go_one_after_another_whoever_sends_them(
    engine: Engine, webhooks: Webhooks, crm: Endpoint, beside: ThreadPoolExecutor
) -> None:
    effective(engine, "one", "two", "three")
    delivery = begun(beside, webhooks, crm)
    with pytest.raises(ApplicationError, match=UNDER_WAY):
        deliver(webhooks)
    with pytest.raises(ApplicationError, match=UNDER_WAY):
        ActivityEnvironment().run(webhooks.backfill_webhooks, "crm")
    assert len(crm.requests) == 1
    crm.may_answer.set()
    delivery.result()
    assert ids(crm) == [f"{CANCELLATION}/{occasion}" for occasion in ("one", "two", "three")]


def test_what_a_delivery_has_left_that_died_is_sent_when_its_lease_is_over(
    engine: Engine, webhooks: Webhooks, crm: Endpoint
) -> None:
    effective(engine, "one", "two")
    with Transaction.begin(engine) as transaction:
        assert claim_next(transaction, outbox.about(CANCELLATION), at=datetime.now(UTC), but=["erp"]) is not None
    with pytest.raises(ApplicationError, match=UNDER_WAY):
        deliver(webhooks)
    assert not crm.requests
    with Session(engine) as session, session.begin():
        session.execute(text("UPDATE messages SET leased_until = clock_timestamp()"))
    deliver(webhooks)
    assert ids(crm) == [f"{CANCELLATION}/{occasion}" for occasion in ("one", "two")]


def test_what_is_given_up_while_it_is_under_way_stays_so(
    engine: Engine, webhooks: Webhooks, crm: Endpoint, beside: ThreadPoolExecutor
) -> None:
    effective(engine, "one")
    delivery = begun(beside, webhooks, crm)
    with Transaction.begin(engine) as transaction:
        endpoints.remove(transaction, "crm", reason="replaced", request="remove-1", **WHO)
    deliver(webhooks)
    crm.may_answer.set()
    delivery.result()
    [given_up] = [each for each in messages(engine, Channel.WEBHOOK) if each.recipient == "crm"]
    assert (given_up.failure, given_up.delivered_at) == ("The webhook endpoint was removed.", None)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_slow_endpoints_together_leave_half_of_the_threads_to_prompt_ones() -> None:
    offered = Places(threads=8, clock=Clock())
    slow = [offered.take(name, is_slow=True) for name in ("a", "a", "a", "b", "b", "c")]
    assert [place.__enter__() for place in slow] == [True, True, False, True, True, False]
    assert not offered.room().for_slow_ones
    prompt = [offered.take("prompt", is_slow=False) for _ in range(7)]
    assert [place.__enter__() for place in prompt] == [True] * 6 + [False]
    assert offered.room().full == frozenset({"prompt"})
    for place in (*prompt, *slow):
        place.__exit__(None, None, None)
    assert offered.room() == Room(asked=offered.room().asked)


def test_a_prompt_endpoint_that_keeps_requests_waiting_is_slow_before_it_answers() -> None:
    clock = Clock()
    offered = Places(threads=8, clock=clock)
    first = [offered.take(name, is_slow=False) for name in ("a", "b", "b", "b")]
    assert all(place.__enter__() for place in first)
    assert offered.room().slow == frozenset()
    clock.now = places.PROMPT_SECONDS
    assert offered.room().slow == frozenset("ab")
    assert [offered.take(name, is_slow=False).__enter__() for name in ("a", "b", "prompt")] == [False, False, True]
    for place in first:
        place.__exit__(None, None, None)
    assert offered.room().asked == ("a", "b", "prompt")

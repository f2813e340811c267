"""Events of cases as a stream over a real connection: nothing is missed, also by who was away for a while."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from domain.principals import Role
from records.audit import record
from records.transaction import Transaction
from starter.service import events
from tests.starter.api.asking import AGENT, AUDITOR, cases, key, problem
from tests.starter.api.conftest import Calls
from tests.support.issuer import Issuer
from tests.support.world import World
from tests.workflows.conftest import idle_world

__all__ = ["idle_world"]

pytestmark = pytest.mark.usefixtures("no_time_passes")

Event = tuple[str, str, dict[str, Any]]


@pytest.fixture
def watching(served: str, issuer: Issuer) -> Any:
    """Open a stream, and return its events as they come."""

    @asynccontextmanager
    async def stream(path: str, *, last: str | None = None, **claims: Any) -> AsyncIterator[AsyncIterator[Event]]:
        headers = {"authorization": f"Bearer {issuer.token(roles=['auditor'], **claims)}"}
        if last is not None:
            headers["last-event-id"] = last
        async with (
            httpx.AsyncClient(timeout=30) as client,
            client.stream("GET", f"{served}/v1{path}", headers=headers) as answer,
        ):
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield read(answer)

    return stream


async def read(answer: httpx.Response) -> AsyncIterator[Event]:
    found: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            found[name] = value
        elif "data" in found:
            yield found["id"], found["event"], json.loads(found["data"])
            found = {}


async def until(stream: AsyncIterator[Event], action: str) -> list[Event]:
    """The events up to one with this action."""
    found = []
    async with asyncio.timeout(20):
        async for event in stream:
            found.append(event)
            if event[2].get("action") == action:
                return found
    raise AssertionError(f"the stream ended without {action}: {found}")


async def test_a_list_is_followed_from_the_moment_that_it_is_ready(world: World, calls: Calls, watching: Any) -> None:
    mine, other = world.subscription(), world.subscription()
    async with watching("/cancellations/events", organizations=[world.organization(mine)]) as stream:
        _, name, _ = await anext(stream)
        assert name == "ready"
        agent = calls(AGENT)
        for subscription in (other, mine):
            await agent.post(cases(subscription), json={}, headers=key())
        await agent.post(cases(mine, "1", "withdrawals"), json={"reason": "they stay"}, headers=key())
        seen = await until(stream, "cancellation.withdrawn")
    assert {event["subscription"] for _, _, event in seen} == {mine}
    assert seen[0][2]["action"] == "cancellation.opened"
    assert {event["organization"] for _, _, event in seen} == {world.organization(mine)}
    assert "reason" not in json.dumps([event for _, _, event in seen])


async def test_a_stream_goes_on_where_its_reader_was(world: World, calls: Calls, watching: Any) -> None:
    subscription, agent = world.subscription(), calls(AGENT)
    path = f"/subscriptions/{subscription}/events"
    async with watching(path) as stream:
        await anext(stream)
        await agent.post(cases(subscription), json={}, headers=key())
        [*_, (last, _, opened)] = await until(stream, "cancellation.opened")
    await agent.post(cases(subscription, "1", "withdrawals"), json={"reason": "they stay"}, headers=key())
    async with watching(path, last=last) as stream:
        _, name, _ = await anext(stream)
        assert name == "ready"
        seen = [event for _, _, event in await until(stream, "cancellation.withdrawn")]
    again = [event["entry"] for event in seen if event["entry"] <= opened["entry"]]
    assert set(again) <= {opened["entry"]}, "what comes again has the number that it had"
    assert sorted(event["entry"] for event in seen) == [event["entry"] for event in seen]
    async with watching(f"{path}?cancellation={subscription}/2", last=last) as stream:
        await anext(stream)
        await agent.post(cases(subscription), json={}, headers=key())
        assert {event["cancellation"] for _, _, event in await until(stream, "cancellation.opened")} == {
            f"{subscription}/2"
        }


async def test_what_a_slow_transaction_adds_below_is_not_missed(world: World, watching: Any) -> None:
    """Its entry has a lower number than one that was sent before it was committed."""
    subscription = world.subscription()
    case = f"{subscription}/1"

    def add(transaction: Transaction, action: str) -> None:
        facts: dict[str, Any] = {"actor": "tester", "subscription": subscription, "cancellation": case}
        assert record(transaction, action, at=datetime.now(UTC), **facts)

    async with watching(f"/subscriptions/{subscription}/events") as stream:
        await anext(stream)
        with Session(world.engine) as slow:
            add(Transaction(slow), "test.slow")
            slow.flush()
            with Transaction.begin(world.engine) as quick:
                add(quick, "test.quick")
            [*_, (last, _, quick_event)] = await until(stream, "test.quick")
            slow.commit()
        [*_, (_, _, slow_event)] = await until(stream, "test.slow")
    assert slow_event["entry"] < quick_event["entry"]
    async with watching(f"/subscriptions/{subscription}/events", last=last) as stream:
        await anext(stream)
        assert slow_event["entry"] in [event["entry"] for _, _, event in await until(stream, "test.quick")]


async def test_the_first_entry_of_a_trail_is_followed_like_every_other(idle_world: World) -> None:
    stream = await idle_world.offramp.events.watch_list()
    place, _ = await anext(stream)
    with Transaction.begin(idle_world.engine) as transaction:
        facts: dict[str, Any] = {"actor": "tester", "subscription": "SUB-1", "cancellation": "SUB-1/1"}
        record(transaction, "test.first", at=datetime.now(UTC), **facts)
    async with asyncio.timeout(20):
        _, event = await anext(stream)
    await stream.aclose()
    resumed = await idle_world.offramp.events.watch_list(after=str(place))
    await anext(resumed)
    _, again = await anext(resumed)
    await resumed.aclose()
    assert event
    assert again
    assert event.entry == again.entry


def added(transaction: Transaction, subscription: str, *actions: str) -> None:
    for action in actions:
        facts: dict[str, Any] = {"actor": "tester", "subscription": subscription, "cancellation": f"{subscription}/1"}
        assert record(transaction, action, at=datetime.now(UTC), **facts)


@pytest.mark.parametrize("has_begun", [True, False], ids=["before the stream", "after it"])
async def test_a_transaction_with_more_than_a_look_takes_is_followed_to_its_end(
    world: World, watching: Any, monkeypatch: pytest.MonkeyPatch, has_begun: bool
) -> None:
    """Another one with a higher number was there before it, and has nobody believe that all below it has come."""
    monkeypatch.setattr(events, "MOST_AT_ONCE", 10)
    subscription = world.subscription()
    large = [f"test.large_{number}" for number in range(35)]
    with Session(world.engine) as slow:
        if has_begun:
            added(Transaction(slow), subscription, *large)
            slow.flush()
        async with watching(f"/subscriptions/{subscription}/events") as stream:
            await anext(stream)
            if not has_begun:
                added(Transaction(slow), subscription, *large)
                slow.flush()
            with Transaction.begin(world.engine) as quick:
                added(quick, subscription, "test.quick")
            await until(stream, "test.quick")
            slow.commit()
            seen = [event["action"] for _, _, event in await until(stream, large[-1])]
    assert [action for action in seen if action in large] == large


async def test_no_transaction_of_another_database_keeps_a_stream_at_its_place(
    world: World, watching: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An organization may leave one open for as long as it likes in its own database, on the same server."""
    monkeypatch.setattr(events, "MOST_AT_ONCE", 10)
    subscription = world.subscription()
    path = f"/subscriptions/{subscription}/events"
    other = create_engine(world.engine.url.set(database="postgres"))
    with other.connect() as idle:
        idle.execute(text("SELECT pg_current_xact_id()"))
        async with watching(path) as stream:
            last, _, _ = await anext(stream)
        actions = [f"test.number_{number}" for number in range(35)]
        for action in actions:
            with Transaction.begin(world.engine) as transaction:
                added(transaction, subscription, action)
        found: list[str] = []
        for _ in range(5):
            async with watching(path, last=last) as stream:
                async with asyncio.timeout(20):
                    async for place, _, event in stream:
                        last = place
                        found += [event["action"]] if "action" in event else []
                        if actions[-1] in found:
                            break
            if actions[-1] in found:
                break
        idle.rollback()
    other.dispose()
    assert found == actions, "each once: nothing below what was sent can still come"


async def test_a_stream_is_resumed_beyond_what_it_has_had_while_a_writer_goes_on(
    world: World, watching: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_AT_ONCE", 10)
    subscription = world.subscription()
    path = f"/subscriptions/{subscription}/events"
    actions = [f"test.number_{number}" for number in range(35)]
    with Session(world.engine) as slow:
        added(Transaction(slow), subscription, "test.slow")
        slow.flush()
        async with watching(path) as stream:
            last, _, _ = await anext(stream)
        with Transaction.begin(world.engine) as transaction:
            added(transaction, subscription, *actions)
        found: set[str] = set()
        for _ in range(5):
            async with watching(path, last=last) as stream, asyncio.timeout(20):
                async for place, _, event in stream:
                    last = place
                    found.add(event.get("action", "ready"))
                    if actions[-1] in found:
                        break
        assert found >= set(actions)
        slow.commit()
        async with watching(path, last=last) as stream:
            await until(stream, "test.slow")


async def test_a_reader_who_is_too_slow_is_cut_off_to_resume(
    world: World, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_WAITING", 1)
    subscription = world.subscription()
    stream = await world.offramp.events.watch_subscription(subscription)
    place, _ = await anext(stream)
    after = await world.offramp.events.watch_subscription(subscription)
    monkeypatch.setattr(events, "MOST_WAITING", 1000)
    await anext(after)
    await calls(AGENT).post(cases(subscription), json={}, headers=key())
    await calls(AGENT).post(cases(subscription, "1", "withdrawals"), json={"reason": "they stay"}, headers=key())
    async with asyncio.timeout(20):
        async for _, event in after:  # who reads in time has all of it
            if event is not None and event.action == "cancellation.withdrawn":
                break
        cut_off = [event async for _, event in stream]
    assert len(cut_off) == 1
    resumed = await world.offramp.events.watch_subscription(subscription, after=str(place))
    actions: list[str] = []
    async with asyncio.timeout(20):
        async for _, event in resumed:
            actions += [event.action] if event else []
            if "cancellation.withdrawn" in actions:
                break
    assert "cancellation.opened" in actions


@pytest.mark.parametrize("place", ["x", "1", "1-", "-1-2", "1-2-3", "9" * 30 + "-1"])
async def test_a_place_that_no_event_has_is_refused(world: World, calls: Calls, place: str) -> None:
    answer = await calls(AUDITOR).get("/cancellations/events", headers={"last-event-id": place})
    problem(answer, 422, "place_unknown")


async def test_nobody_follows_what_they_may_not_see(world: World, calls: Calls) -> None:
    subscription = world.subscription()
    limited = calls(Role.ADMIN, organizations=["ORG-1"])
    problem(await limited.get(f"/subscriptions/{subscription}/events"), 403, "organization_not_permitted")
    problem(await calls().get("/cancellations/events"), 403, "role_missing")

"""Events followed by the Python client: nothing is missed, although the connection breaks in the middle."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from offramp_client import AsyncClient, Client, StreamEvent
from offramp_client.events import EventReader
from tests.support.doors import Door
from tests.support.issuer import Issuer
from tests.support.world import World, eventually

pytestmark = pytest.mark.usefixtures("no_time_passes")


async def until(stream: AsyncIterator[StreamEvent], action: str) -> list[StreamEvent]:
    """The events up to one with this action."""
    seen = []
    async with asyncio.timeout(60):
        async for event in stream:
            seen.append(event)
            if event.case and event.case.action == action:
                return seen
    raise AssertionError(f"the stream ended without {action}")


async def test_a_case_is_followed_through_a_connection_that_breaks(world: World, served: str, issuer: Issuer) -> None:
    subscription = world.subscription()
    token = issuer.token(roles=["support_agent"])
    with Door(served) as door:
        async with AsyncClient(door.url, token) as watcher, AsyncClient(served, token) as agent:
            stream = watcher.events.watch_subscription(subscription)
            assert (await anext(stream)).case is None
            await agent.cancellations.start(subscription)
            before = await until(stream, "cancellation.opened")
            door.shut()
            await agent.cancellations.withdraw(subscription, reason="they stay")
            door.open()
            after = await until(stream, "cancellation.withdrawn")
            await stream.aclose()  # type: ignore[attr-defined]
            entries = [event.case.entry for event in before + after if event.case]
            assert len(entries) == len(set(entries)), "nothing comes twice"
            resumed = watcher.events.watch_subscription(subscription, last_event_id=before[-1].id)
            again = await until(resumed, "cancellation.withdrawn")
            await resumed.aclose()  # type: ignore[attr-defined]
    assert {event.case.entry for event in after if event.case} <= {event.case.entry for event in again if event.case}


async def test_a_list_is_followed_by_a_thread(world: World, served: str, issuer: Issuer) -> None:
    subscription = world.subscription()
    token = issuer.token(roles=["support_agent"], organizations=[world.organization(subscription)])
    seen: list[str] = []
    is_ready = threading.Event()

    def follow() -> None:
        with Client(served, token) as client:
            for event in client.events.watch_list(organization=world.organization(subscription)):
                is_ready.set()
                seen.append(event.case.action if event.case else "ready")
                if seen[-1] == "cancellation.withdrawn":
                    return

    following = asyncio.create_task(asyncio.to_thread(follow))

    async def watches() -> bool:
        return is_ready.is_set()

    await eventually(watches)
    async with AsyncClient(served, token) as agent:
        await agent.cancellations.start(subscription)
        await agent.cancellations.withdraw(subscription, reason="they stay")
    await asyncio.wait_for(following, 60)
    assert seen[0] == "ready"
    assert "cancellation.opened" in seen


def test_what_was_left_half_by_a_broken_connection_is_no_event() -> None:
    reader = EventReader(None)
    data = (
        '{"entry":7,"at":"2026-01-01T00:00:00Z","action":"a","actor":"b","organization":null,"subscription":null,'
        '"subscription_line":null,"cancellation":"SUB-1/1"}'
    )
    for line in ("id: 1-7", "event: case", f"data: {data}"):
        assert reader.read(line) is None
    reader.begin()
    assert reader.read("") is None
    assert reader.headers == {"accept": "text/event-stream"}, "its place is not known before it is complete"
    whole = [reader.read(line) for line in ("retry: 250", "id: 1-7", "event: case", f"data: {data}", "")]
    assert whole[-1]
    assert whole[-1].case
    assert (reader.place, reader.retry, whole[-1].case.entry) == ("1-7", 0.25, 7)
    for line in ("id: 2-7", "event: case", f"data: {data}"):
        reader.read(line)
    assert reader.read("") is None, "what comes again has the number that it had"
    assert reader.place == "2-7"


@pytest.mark.parametrize("retry", ["\u00b2", "9" * 5000, "999999", "-1", "1.5", "soon", ""])
def test_a_pause_of_another_form_is_no_pause(retry: str) -> None:
    reader = EventReader(None)
    before = reader.retry
    assert [reader.read(line) for line in (f"retry: {retry}", "")] == [None, None]
    assert reader.retry == before

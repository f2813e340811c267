"""The looks at the audit trail that all streams of events share."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from records.audit import record
from records.transaction import Transaction
from starter.service import events
from tests.support.world import World
from tests.workflows.conftest import idle_world

__all__ = ["idle_world"]


async def test_a_look_beside_a_writer_without_a_number_keeps_no_later_look_waiting(
    idle_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(events, "QUIET_SECONDS", 0.1)
    world, subscription = idle_world, idle_world.subscription()
    stream = await world.offramp.events.watch_list()
    first, _ = await anext(stream)
    with world.engine.connect() as writer:
        writer.execute(text("LOCK TABLE audit_trail IN ROW EXCLUSIVE MODE"))
        beside = await world.offramp.events.watch_list()  # a look of its own
        await anext(beside)
    with Transaction.begin(world.engine) as transaction:
        record(transaction, "test.later", actor="tester", at=datetime.now(UTC), cancellation=f"{subscription}/1")
    async with asyncio.timeout(20):
        async for place, event in stream:
            if event is None and place.settled > first.settled:
                break

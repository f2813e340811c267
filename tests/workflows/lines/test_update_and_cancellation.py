"""The update of line dates and a cancellation on the same lines at the same moment, in both orders.

Each is held up by a lock on a table that only it writes, at the point where it holds the lines and has changed nothing
yet; so the order is the test's, and both are the real ones.
"""

import asyncio
import json
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from domain.lines.decision import decide
from domain.vocabulary import Stage
from records.lines.rows import as_domain, dates_of
from storage.tables import AuditRow
from tests.support.nights import Update, progress_of, start_update, waits_for
from tests.support.world import AGENT, World, eventually

BOTH = (1, 2)


@pytest.fixture
async def opened(world: World) -> tuple[str, date]:
    """A subscription of two lines whose deadline was yesterday, under a cancellation that lacks only a word; today."""
    today = world.today(world.subscription())
    line = {
        "subsequent_term": "1Y",
        "notice_period": "31D",
        "term_until": today + timedelta(days=30),
        "cancellation_possible_until": today - timedelta(days=1),
    }
    subscription = world.subscription(lines=[line, line])
    await world.start(subscription, complete=False, answers=world.answers(subscription))
    return subscription, today


async def test_a_cancellation_that_holds_the_lines_first_freezes_them_and_the_update_leaves_them_alone(
    world: World, opened: tuple[str, date]
) -> None:
    subscription, today = opened
    expected = [decide(as_domain(world.line(subscription, number)), today, today).end_date for number in BOTH]
    with world.engine.connect() as gate, gate.begin() as held:
        gate.execute(text("LOCK TABLE cancellation_lines IN SHARE MODE"))
        settling = asyncio.create_task(_complete(world, subscription))
        await waits_for(gate)
        update = await _start_update(world, subscription, today)
        await eventually(lambda: _passed_by(world, update))
        held.rollback()
    await settling
    await eventually(lambda: _scheduled(world, subscription))
    await world.environment.fast_forward(update, timedelta(minutes=1))
    result = await update.result()

    assert (result.due, result.rolled, result.closed, result.busy) == (2, 0, 0, 0)
    for number, end in zip(BOTH, expected, strict=True):
        line = world.line(subscription, number)
        assert line.frozen_by is not None
        assert line.end_date == end
        assert [row.action for row in _trail(world, line.id)] == ["line.end_date_set"]
        assert (_trail(world, line.id)[-1].after or {}) == dates_of(line)
    await _assert_nothing_was_tried_again(world, subscription, update)


async def test_an_update_that_holds_the_lines_first_rolls_them_and_the_cancellation_freezes_what_it_finds_then(
    world: World, opened: tuple[str, date]
) -> None:
    subscription, today = opened
    expected = [decide(as_domain(world.line(subscription, number)), today, today).end_date for number in BOTH]
    with world.engine.connect() as gate, gate.begin() as held:
        gate.execute(text("LOCK TABLE contract_lines IN EXCLUSIVE MODE"))
        update = await _start_update(world, subscription, today)
        updating = await waits_for(gate)
        settling = asyncio.create_task(_complete(world, subscription))
        await eventually(lambda: _somebody_waits_for(world, updating))
        held.rollback()
    await settling
    await eventually(lambda: _scheduled(world, subscription))
    result = await update.result()

    assert (result.due, result.rolled, result.closed, result.busy) == (2, 2, 0, 0)
    for number, end in zip(BOTH, expected, strict=True):
        line = world.line(subscription, number)
        assert line.frozen_by is not None
        assert line.end_date == end
        rolled, ended = _trail(world, line.id)
        assert (rolled.action, ended.action) == ("line.term_rolled", "line.end_date_set")
        for name, rolled_to in (rolled.after or {}).items():
            assert name == "closed" or (ended.before or {})[name] == rolled_to, "what was rolled is what was ended"
        assert ended.after == dates_of(line)
    await _assert_nothing_was_tried_again(world, subscription, update)
    again = await start_update(world, subscription=subscription, as_of=today + timedelta(days=4000), force=True)
    assert (await again.result()).rolled == 0


async def _complete(world: World, subscription: str) -> None:
    """Say the word that is missing, after which the end dates are set."""
    await world.service.attest(subscription, actor=AGENT, reason="known by voice")


async def _start_update(world: World, subscription: str, today: date) -> Update:
    with world.environment.with_time_skipping_disabled():
        return await start_update(world, subscription=subscription, as_of=today)


async def _passed_by(world: World, update: Update) -> bool:
    progress = await progress_of(world, update.id)
    return progress is not None and progress.busy == len(BOTH)


async def _scheduled(world: World, subscription: str) -> bool:
    return world.case(subscription).stage != Stage.INTAKE


async def _somebody_waits_for(world: World, backend: int) -> bool:
    statement = text(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND :backend = ANY (pg_blocking_pids(pid)))"
    )
    with world.engine.connect() as connection:
        return bool(connection.scalar(statement, {"backend": backend}))


def _trail(world: World, line: str) -> list[AuditRow]:
    with Session(world.engine) as session:
        return list(session.scalars(select(AuditRow).where(AuditRow.subscription_line == line).order_by(AuditRow.id)))


async def _assert_nothing_was_tried_again(world: World, subscription: str, update: Update) -> None:
    """PostgreSQL ends a deadlock by making one of the two fail, which would be tried again."""
    for handle in (world.handle(subscription), update):
        assert set(_attempts(await handle.fetch_history())) == {1}


def _attempts(history: WorkflowHistory) -> list[int]:
    attempts: list[int] = []
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            attempts.append(event.activity_task_started_event_attributes.attempt)
        elif event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            marker = event.marker_recorded_event_attributes
            assert not marker.HasField("failure")
            told: dict[str, Any] = json.loads(marker.details["data"].payloads[0].data)
            attempts.append(told["attempt"])
    return attempts

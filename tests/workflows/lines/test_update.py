"""The update of line dates as its workflow: on request and by schedule, announced, watched, interrupted."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

import contract
from activities.lines import LineDates
from contract.steps import OpenRun, UpdatePass
from domain.lines.runs import LineDatesProgress
from domain.vocabulary import Channel
from storage.tables import MessageRow
from tests.support.histories import assert_sound
from tests.support.nights import DUE, TODAY, line_held, start_update
from tests.support.world import World


async def test_a_run_rolls_what_is_due_and_can_be_replayed(world: World) -> None:
    subscription = world.subscription(lines=[DUE, DUE, {}])
    handle = await start_update(world, as_of=TODAY, subscription=subscription)
    result = await handle.result()
    assert (result.due, result.rolled, result.closed, result.failed) == (2, 2, 0, 0)
    assert world.line(subscription).term_until == date(2027, 12, 31)
    assert result.finished_at is not None
    assert await handle.query(contract.QUERY_PROGRESS, result_type=LineDatesProgress) == result
    history = await handle.fetch_history()
    assert len(history.events) < 30
    await assert_sound([history])


async def test_on_request_without_a_day_it_is_today_in_the_zone_that_is_named(world: World) -> None:
    handle = await start_update(world, zone="Pacific/Kiritimati")
    result = await handle.result()
    assert result.as_of == ((await handle.describe()).start_time + timedelta(hours=14)).date()
    assert result.zone == "Pacific/Kiritimati"


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"subscription": "SUB-0"}, "subscription_unknown"),
        ({"customer_contract": "CC-0"}, "contract_unknown"),
        ({"zone": "Europe/Atlantis"}, "time_zone_unknown"),
        ({"customer_contract": "CC-0", "vendor_contract": "VC-0"}, "scope_ambiguous"),
    ],
)
async def test_what_there_is_not_is_refused_by_name(world: World, wish: dict[str, Any], code: str) -> None:
    handle = await start_update(world, **wish)
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == code


async def test_input_of_another_form_is_refused_and_no_input_is_an_update_of_everything(world: World) -> None:
    client = world.environment.client
    name = contract.SUBSCRIPTION_LINE_DATES_UPDATE
    refused = await client.start_workflow(
        name, {"as_off": "x"}, id=f"{world.task_queue}-a", task_queue=world.task_queue
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await refused.result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == "input_malformed"
    everything = await client.start_workflow(
        name, id=f"{world.task_queue}-b", task_queue=world.task_queue, result_type=LineDatesProgress
    )
    assert (await everything.result()).scope.is_everything


async def test_a_line_that_a_cancellation_holds_is_rolled_when_it_lets_go(world: World) -> None:
    subscription = world.subscription(lines=[DUE, DUE])
    with line_held(world, f"{subscription}-1"):
        with world.environment.with_time_skipping_disabled():
            handle = await start_update(world, as_of=TODAY)
        while await _audited(world) < 1:  # the other line
            continue
    await world.environment.fast_forward(handle, timedelta(minutes=1))
    result = await handle.result()
    assert (result.rolled, result.busy) == (2, 0)


async def test_who_goes_on_after_a_crash_does_no_chunk_twice(idle_world: World) -> None:
    world = idle_world
    world.subscription(lines=[DUE] * 5)
    activities = LineDates(world.engine, frozenset(), "UTC", chunk_lines=2)
    environment = ActivityEnvironment()
    opened = OpenRun(run="run", as_of=TODAY, instant=datetime(2026, 10, 1, tzinfo=UTC), actor="tester")
    with ThreadPoolExecutor(1) as executor:

        async def in_thread(function: Callable[..., LineDatesProgress], argument: object) -> LineDatesProgress:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(executor, environment.run, function, argument)

        await in_thread(activities.open_line_dates_run, opened)

        def crash(*_: object) -> None:
            if (seen := _count(world)) >= 2:
                raise ConnectionResetError(seen)

        environment.on_heartbeat = crash
        with pytest.raises(ConnectionResetError):
            await in_thread(activities.update_line_dates, UpdatePass(run="run", number=1))
        assert _count(world) == 2
        environment.on_heartbeat = lambda *_: None
        first = await in_thread(activities.update_line_dates, UpdatePass(run="run", number=1))
        assert (first.rolled, first.passes) == (5, 1)
        left = world.dump()
        assert await in_thread(activities.update_line_dates, UpdatePass(run="run", number=1)) == first
        assert await in_thread(activities.open_line_dates_run, opened) == first
        assert world.dump() == left
        finished = await in_thread(activities.finish_line_dates_run, "run")
        assert await in_thread(activities.finish_line_dates_run, "run") == finished
    assert _count(world) == 5


async def test_what_happened_is_told_in_batches_and_a_repetition_repeats_the_id(world: World) -> None:
    """No endpoint is configured here, so nothing is noted; what an earlier configuration noted is given up by name."""
    world.subscription(lines=[DUE])
    result = await (await start_update(world, as_of=TODAY)).result()
    with Session(world.engine) as session, session.begin():
        session.add(
            MessageRow(
                id="told/1", event="line.closed", channel=Channel.WEBHOOK.value, recipient="webhook", content={},
                created_at=datetime.now(UTC), run=result.run,
            )
        )  # fmt: skip
    result = await (await start_update(world, as_of=TODAY)).result()
    assert result.untold == 0
    with Session(world.engine) as session:
        assert session.get_one(MessageRow, "told/1").failed_at is not None


def _count(world: World) -> int:
    with world.engine.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM audit_trail WHERE action = 'line.term_rolled'")) or 0


async def _audited(world: World) -> int:
    return await asyncio.to_thread(_count, world)

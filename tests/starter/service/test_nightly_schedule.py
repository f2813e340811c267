"""The schedule of the nightly update, on a real Temporal server: ensured, paused, backfilled."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleBackfill,
    ScheduleHandle,
    ScheduleOverlapPolicy,
)
from temporalio.testing import WorkflowEnvironment

import contract
from domain.lines.runs import LineDatesProgress
from starter.service.nightly_schedule import HOUR, ensure_schedule
from tests.support.world import Mailbox, World


@pytest.fixture
async def schedule(plain_temporal: WorkflowEnvironment) -> AsyncIterator[ScheduleHandle]:
    """The schedule, in Berlin's zone."""
    handle = await ensure_schedule(plain_temporal.client, "Europe/Berlin", task_queue="nights")
    yield handle
    await handle.delete()


async def test_the_schedule_runs_daily_at_four_and_skips_a_night_while_another_runs(schedule: ScheduleHandle) -> None:
    description = await schedule.describe()
    upcoming = description.info.next_action_times[:3]
    for at in upcoming:
        local = at.astimezone(_zone())
        assert local.replace(minute=0, second=0, microsecond=0).hour == HOUR
        assert local.minute < 2
    assert {(later.date() - sooner.date()).days for sooner, later in pairwise(upcoming)} == {1}
    policy = description.schedule.policy
    assert policy.overlap is ScheduleOverlapPolicy.SKIP
    assert policy.pause_on_failure
    assert policy.catchup_window == timedelta(days=1)


def test_no_zone_skips_or_repeats_the_hour_of_the_night() -> None:
    """For as long as the zones' rules are known: each hour of UTC from now on, as the zones' clocks have it."""
    shifted = set()
    for name in available_timezones():
        zone = ZoneInfo(name)
        night = datetime(2026, 1, 1, HOUR, tzinfo=zone)
        before = night.utcoffset()
        for _ in range(366 * 6):
            night += timedelta(days=1)  # by the clock on the wall
            if (after := night.utcoffset()) != before:
                nights = [night + timedelta(days, minutes=minutes) for days in (-1, 0) for minutes in (0, 59)]
                # The two readings of a time that is skipped or comes twice differ.
                if any(at.replace(fold=1).utcoffset() != at.utcoffset() for at in nights):
                    shifted.add(name)
            before = after
    assert shifted == set()


async def test_ensuring_it_again_changes_its_zone_and_leaves_it_paused(
    plain_temporal: WorkflowEnvironment, schedule: ScheduleHandle
) -> None:
    await schedule.pause(note="stocktaking")
    again = await ensure_schedule(plain_temporal.client, "Asia/Tokyo", task_queue="nights")
    description = await again.describe()
    assert description.schedule.spec.time_zone_name == "Asia/Tokyo"
    assert description.schedule.state.paused
    assert description.schedule.state.note == "stocktaking"


async def test_two_deployments_at_once_make_one_schedule(plain_temporal: WorkflowEnvironment) -> None:
    client = plain_temporal.client
    handles = await asyncio.gather(*(ensure_schedule(client, "Europe/Berlin") for _ in range(3)))
    assert {handle.id for handle in handles} == {contract.NIGHTLY_SCHEDULE}
    await handles[0].delete()


async def test_a_backfill_updates_as_of_the_day_that_the_scheduled_instant_has_in_the_zone_of_each_organization(
    plain_temporal: WorkflowEnvironment, database_url: str
) -> None:
    """04:00 on 2 October in Tokyo is 19:00 on 1 October in UTC, and 21:00 in Berlin, where the deadline is not past."""
    client = plain_temporal.client
    line = {
        "subsequent_term": "1M",
        "notice_period": "1D",
        "term_until": date(2026, 10, 2),
        "cancellation_possible_until": date(2026, 10, 1),
    }
    with Mailbox() as mailbox:
        world = World(plain_temporal, database_url, mailbox)
        tokyo, berlin = (world.subscription(zone=zone, lines=[line]) for zone in ("Asia/Tokyo", "Europe/Berlin"))
        handle = await ensure_schedule(client, "Asia/Tokyo", task_queue=world.task_queue)
        async with world.worker():
            await handle.backfill(
                ScheduleBackfill(
                    start_at=datetime(2026, 9, 30, 12, tzinfo=UTC),
                    end_at=datetime(2026, 10, 2, 12, tzinfo=UTC),
                    overlap=ScheduleOverlapPolicy.BUFFER_ALL,
                )
            )
            results = await _results(client, handle, 2)
        await handle.delete()
        rolled_until = {zone: world.line(of).term_until for zone, of in (("Tokyo", tokyo), ("Berlin", berlin))}
        world.close()
    assert rolled_until == {"Tokyo": date(2026, 11, 2), "Berlin": date(2026, 10, 2)}
    assert [(result.as_of, result.rolled) for result in results] == [(date(2026, 10, 1), 0), (date(2026, 10, 2), 1)]
    assert results[1].instant == datetime(2026, 10, 1, 19, tzinfo=UTC)


async def test_the_message_of_the_schedule_has_only_fields_that_workers_of_every_version_know(
    plain_temporal: WorkflowEnvironment, schedule: ScheduleHandle
) -> None:
    """They refuse others, and a refused run pauses the schedule in the middle of a deployment."""
    action = (await schedule.describe()).schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    [message] = await plain_temporal.client.data_converter.decode(action.args)
    assert message == {"zone": "Europe/Berlin"}


async def _results(client: Client, handle: ScheduleHandle, wanted: int) -> list[LineDatesProgress]:
    while True:
        info = (await handle.describe()).info
        started = [
            action.action
            for action in info.recent_actions
            if isinstance(action.action, ScheduleActionExecutionStartWorkflow)
        ]
        if len(started) == wanted:
            break
    runs = [
        client.get_workflow_handle(one.workflow_id, run_id=one.first_execution_run_id, result_type=LineDatesProgress)
        for one in started
    ]
    return sorted([await run.result() for run in runs], key=lambda result: result.as_of)


def _zone() -> ZoneInfo:
    return ZoneInfo("Europe/Berlin")

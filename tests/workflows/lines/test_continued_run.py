"""A night that is too long for one history continues in another one."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from temporalio.client import WorkflowExecutionStatus
from temporalio.worker import Worker

from activities.lines import LineDates
from contract import WorkQueue
from storage.tables import AuditRow, LineDatesRunRow
from tests.support.histories import assert_sound, histories_of
from tests.support.nights import DUE, TODAY, line_held, progress_of, start_update
from tests.support.servers import temporal_server
from tests.support.world import Mailbox, World, eventually
from workflows.lines.workflow import SubscriptionLineDatesUpdate

FEW_EVENTS = "limit.historyCount.suggestContinueAsNew=12"
"""The server suggests to continue as new at this length of a history, instead of at 4,096 events: after the first slice."""


@pytest.fixture
async def hasty_world(database_url: str) -> AsyncIterator[World]:
    """A world whose server wants short histories, in which no worker runs yet."""
    async with temporal_server(FEW_EVENTS) as environment:
        with Mailbox() as mailbox:
            world = World(environment, database_url, mailbox)
            yield world
            world.close()


async def test_a_long_night_is_continued_as_new_in_the_middle_of_a_pass_and_nothing_is_done_or_counted_twice(
    hasty_world: World,
) -> None:
    world = hasty_world
    subscription = world.subscription(lines=[DUE] * 12)
    activities = LineDates(world.engine, frozenset(), "UTC", chunk_lines=2, slice_=timedelta(0))
    client = world.environment.client
    with ThreadPoolExecutor(4) as executor:
        async with (
            Worker(client, task_queue=world.task_queue, workflows=[SubscriptionLineDatesUpdate]),
            Worker(
                client,
                task_queue=WorkQueue.NIGHTLY.task_queue(world.task_queue),
                activities=[
                    activities.open_line_dates_run,
                    activities.update_line_dates,
                    activities.finish_line_dates_run,
                ],
                activity_executor=executor,
            ),
        ):
            with line_held(world, f"{subscription}-1"):
                with world.environment.with_time_skipping_disabled():
                    update = await start_update(world, as_of=TODAY, actor="tester")

                async def passed() -> bool:
                    progress = await progress_of(world, update.id)
                    return progress is not None and progress.busy == 1

                await eventually(passed)
            await world.environment.fast_forward(update, timedelta(minutes=1))
            result = await update.result()

    histories = await histories_of(world.environment.client, update.id)
    assert len(histories) > 2
    await assert_sound(histories)
    runs = [run async for run in world.environment.client.list_workflows(f'WorkflowId = "{update.id}"')]
    ended = sorted(run.status.name for run in runs if run.status)
    assert ended == [WorkflowExecutionStatus.COMPLETED.name] + [WorkflowExecutionStatus.CONTINUED_AS_NEW.name] * (
        len(runs) - 1
    )
    assert (result.due, result.rolled, result.busy, result.failed, result.passes) == (12, 12, 0, 0, 2)
    assert await progress_of(world, update.id) == result
    with Session(world.engine) as session:
        [run] = session.scalars(select(LineDatesRunRow)).all()
        rolled = session.execute(
            select(AuditRow.subscription_line, AuditRow.actor, func.count())
            .where(AuditRow.action == "line.term_rolled", AuditRow.run == run.id)
            .group_by(AuditRow.subscription_line, AuditRow.actor)
        ).all()
    assert (run.id, run.rolled) == (result.run, 12)
    assert sorted(rolled) == sorted((f"{subscription}-{number}", "tester", 1) for number in range(1, 13))
    assert all(world.line(subscription, number).term_until == date(2027, 12, 31) for number in range(1, 13))

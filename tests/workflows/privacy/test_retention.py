"""The daily workflow that removes personal data, and its schedule."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import text
from temporalio.client import ScheduleActionStartWorkflow, ScheduleOverlapPolicy
from temporalio.testing import WorkflowEnvironment

import contract
from contract import RetentionReport
from domain.privacy import REMOVED
from records.audit_seals import seal
from records.transaction import Transaction
from starter.service.privacy import ensure_retention
from tests.support.histories import assert_sound, histories_of
from tests.support.world import ADMINISTRATOR, AGENT, World

WORDS = "Ann wrote that she leaves"


async def remove(world: World) -> int:
    """Run the workflow as its schedule does; the number of cases whose personal data it removed."""
    workflow_id = f"{contract.RETENTION_SCHEDULE}-{uuid4()}"
    report: RetentionReport = await world.environment.client.execute_workflow(
        contract.PERSONAL_DATA_RETENTION, id=workflow_id, task_queue=world.task_queue, result_type=RetentionReport
    )
    await assert_sound(await histories_of(world.environment.client, workflow_id))
    return report.forgotten


async def test_what_ended_long_ago_is_forgotten_and_what_runs_is_not(idle_world: World) -> None:
    world = idle_world
    ended, running = world.subscription(), world.subscription()
    async with world.worker():
        for subscription in (ended, running):
            await world.start(subscription, complete=False, reason=WORDS)
        await world.service.withdraw(ended, actor=AGENT, reason=WORDS)
        await world.handle(ended).result()
        assert await remove(world) == 0

        with world.engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text("UPDATE audit_trail SET at = at - interval '3 years'"))
            connection.execute(
                text(
                    "UPDATE cancellations SET ended_at = ended_at - interval '3 years', "
                    "end_recorded_at = ended_at - interval '3 years' WHERE ended_at IS NOT NULL"
                )
            )
        with Transaction.begin(world.engine) as transaction:
            assert seal(transaction, at=datetime.now(UTC)) > 0
        assert await remove(world) == 1
        assert await remove(world) == 0

        left = {kept.about for kept in await world.offramp.privacy.find(ADMINISTRATOR)}
        assert f"{running}/1" in left
        assert f"{ended}/1" not in left
        verified = await world.offramp.audit.verify()
        assert (verified.seals, verified.holds) == (1, True), "the seals hold without the words"
        assert (await world.service.status(ended)).stage == "withdrawn"
        letters = [row for row in world.dump()["messages"] if ended in row]
        assert letters
        assert not [row for row in letters if REMOVED not in row and "webhook" not in row]


async def test_the_schedule_runs_every_day_one_at_a_time_and_keeps_a_pause(temporal_env: WorkflowEnvironment) -> None:
    client = temporal_env.client
    handle = await ensure_retention(client, task_queue="days")
    await handle.pause(note="restoring")

    description = await (await ensure_retention(client, task_queue="days")).describe()

    assert [interval.every for interval in description.schedule.spec.intervals] == [timedelta(days=1)]
    assert description.schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
    action = description.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    assert action.workflow == contract.PERSONAL_DATA_RETENTION
    assert (description.schedule.state.paused, description.schedule.state.note) == (True, "restoring")
    await handle.delete()

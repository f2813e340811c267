"""A worker process is killed in the middle of a bulk, and another one continues: each row has one case, and one result."""

import asyncio
import signal

import pytest
from sqlalchemy import text

from contract import TASK_QUEUE
from domain.bulk import BulkState, RowState
from storage.rights import DatabaseRole
from tests.support.bulks import confirmed, planned, short, until
from tests.support.databases import as_role
from tests.support.processes import python
from tests.support.world import World, eventually

ROWS = 30


@pytest.mark.soak
async def test_a_worker_is_killed_in_the_middle_of_a_bulk_and_another_one_starts_the_rest_and_nothing_twice(
    idle_world: World,
) -> None:
    world = idle_world
    world.task_queue = TASK_QUEUE  # what `python -m worker` serves
    world.serve(TASK_QUEUE)
    subscriptions = [world.subscription() for _ in range(ROWS)]
    environment = {
        "TEMPORAL_ADDRESS": world.environment.client.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": world.environment.client.namespace,
        "OFFRAMP_DATABASE_URL": as_role(world.database_url, DatabaseRole.WORKER),
        "OFFRAMP_SMTP_URL": world.smtp_url,
        "OFFRAMP_MAIL_FROM": "billing@offramp.example",
    }
    with world.environment.with_time_skipping_disabled():
        with python("-m", "worker", environment=environment) as killed:
            plan = await planned(world, [short(each) for each in subscriptions], at_once=5, per_minute=1200)
            await confirmed(world, plan)

            async def is_in_the_middle() -> bool:
                rows = (await world.offramp.bulk.status(plan.bulk)).rows
                return rows.get(RowState.STARTED, 0) >= 5 and rows.get(RowState.UNDER_WAY, 0) >= 1

            await eventually(is_in_the_middle)
            killed.send_signal(signal.SIGKILL)
            await asyncio.to_thread(killed.wait)
        left = (await world.offramp.bulk.status(plan.bulk)).rows
        assert left.get(RowState.UNDER_WAY, 0) + left.get(RowState.READY, 0) >= 1
        with python("-m", "worker", environment=environment):
            done = await until(world, plan.bulk, BulkState.FINISHED)
    assert done.rows == {RowState.STARTED: ROWS}
    with world.engine.connect() as connection:
        cases = connection.execute(
            text("SELECT count(*), count(DISTINCT subscription), count(DISTINCT request_id) FROM cancellations")
        ).one()
        finished = connection.scalar(text("SELECT count(*) FROM audit_trail WHERE action = 'bulk.finished'"))
    assert tuple(cases) == (ROWS, ROWS, ROWS)
    assert finished == 1

"""Long work as its watchers see it: also before an attempt has sent its first heartbeat, as after a worker was killed."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from pydantic import BaseModel
from temporalio import workflow
from temporalio.client import WorkflowHandle
from temporalio.converter import DataConverter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from starter.service.downloads import WorkUnderWay, work_under_way
from tests.support.outcomes import eventually

ACTIVITY = "export_data"


class Details(BaseModel):
    """The form of a heartbeat's details."""

    rows: int


@workflow.defn(sandboxed=False)  # the modules of tests are not for the sandbox
class LongWork:
    """Waits for an activity that no worker takes up."""

    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(
            ACTIVITY, task_queue=f"nobody-{workflow.info().workflow_id}", start_to_close_timeout=timedelta(days=1)
        )


async def test_work_without_a_heartbeat_is_under_way_and_says_nothing_yet(temporal_env: WorkflowEnvironment) -> None:
    client, name = temporal_env.client, f"test-{uuid4()}"
    async with Worker(client, task_queue=name, workflows=[LongWork]):
        with temporal_env.with_time_skipping_disabled():
            handle = await client.start_workflow(LongWork.run, id=name, task_queue=name)

            async def is_under_way() -> bool:
                return await _work(handle) is not None

            await eventually(is_under_way)
            work = await _work(handle)
            await handle.terminate()

    assert work is not None
    assert (work.attempt, work.heartbeat, work.held_up_by) == (1, (), "")


async def test_nothing_is_under_way_without_a_workflow() -> None:
    assert await work_under_way(DataConverter.default, None, ACTIVITY, Details) is None


async def _work(handle: WorkflowHandle[Any, Any]) -> WorkUnderWay | None:
    return await work_under_way(DataConverter.default, await handle.describe(), ACTIVITY, Details)

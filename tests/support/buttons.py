"""The buttons of Temporal's Web UI, and what its command line does besides, on any workflow."""

import asyncio
from asyncio.subprocess import PIPE, STDOUT
from enum import StrEnum
from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowHistory

from starter.local.temporal import temporal_program
from tests.support.histories import TASK_COMPLETED
from tests.support.outcomes import not_broken_off
from tests.support.world import World

UPDATE_ACCEPTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
EXCLUDED = (
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_CANCEL_REQUEST,
)
"""The requests that whoever resets a workflow may leave out."""


class ResetPoint(StrEnum):
    """A workflow task to which a workflow is reset."""

    FIRST = "first"
    MIDDLE = "middle"
    BEFORE_REQUEST = "before the last request"
    LAST = "last"


async def request_cancellation(world: World, workflow_id: str) -> None:
    """Press Request Cancellation."""
    await world.environment.client.get_workflow_handle(workflow_id).cancel()


async def reset(
    world: World, workflow_id: str, *, to: ResetPoint, run_id: str | None = None, without_requests: bool = False
) -> None:
    """Press Reset; with requests left out, nothing that was asked for after that task is applied again."""
    client = world.environment.client
    history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
    request = ResetWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id or ""),
        reason="an operator pressed the button",
        workflow_task_finish_event_id=_task(history, to),
        reset_reapply_exclude_types=EXCLUDED if without_requests else (),
        request_id=str(uuid4()),
    )
    await not_broken_off(lambda: client.workflow_service.reset_workflow_execution(request))


def _task(history: WorkflowHistory, point: ResetPoint) -> int:
    """The event of the workflow task to reset to."""
    tasks = [event.event_id for event in history.events if event.event_type == TASK_COMPLETED]
    match point:
        case ResetPoint.FIRST:
            return tasks[0]
        case ResetPoint.MIDDLE:
            return tasks[len(tasks) // 2]
        case ResetPoint.LAST:
            return tasks[-1]
    asked = max(event.event_id for event in history.events if event.event_type == UPDATE_ACCEPTED)
    # The update was accepted in the task just before it: that task is taken again, and the update left out.
    return max(task for task in tasks if task < asked)


async def activity_button(world: World, workflow_id: str, activity_type: str, button: str, *options: str) -> None:
    """Press a button of a pending activity, by Temporal's command line: pause, unpause, reset or update-options."""
    described = await world.environment.client.get_workflow_handle(workflow_id).describe()
    pending = described.raw_description.pending_activities
    (activity_id,) = [each.activity_id for each in pending if each.activity_type.name == activity_type]
    client = world.environment.client
    where = ("--address", client.service_client.config.target_host, "--namespace", client.namespace)
    about = ("--workflow-id", workflow_id, "--activity-id", activity_id)
    process = await asyncio.create_subprocess_exec(
        temporal_program(), "activity", button, *about, *options, *where, stdout=PIPE, stderr=STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()

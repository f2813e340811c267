"""Requirements on every history: no failed workflow task, and a replay by today's code to the same commands."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from temporalio import workflow
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.plugin import SimplePlugin
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from runtime.temporal import offramp_plugin
from worker import WORKFLOWS

NO_FAULTS = (
    # Something arrived while the task was done, and the server has it done again with it.
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
    # An operator has reset the workflow to before this task.
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
    # An operator, or a reconciliation, has terminated the workflow in the middle of it.
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
)

UNSANDBOXED = UnsandboxedWorkflowRunner()
STRICT_SANDBOX = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_import_notification_policy(
        workflow.SandboxImportNotificationPolicy.SILENT
    )
)
"""Loads the modules of workflows for each of them, and keeps the clock, chance and the world outside from them."""

TASK_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED


async def histories_of(client: Client, *workflow_ids: str) -> list[WorkflowHistory]:
    """The history of every run of some workflows."""
    if not workflow_ids:
        return []
    these = ", ".join(f'"{workflow_id}"' for workflow_id in workflow_ids)
    return [history async for history in client.list_workflows(f"WorkflowId IN ({these})").map_histories()]


async def accepted_updates(workflow: WorkflowHandle[Any, Any]) -> int:
    """The number of updates in a history: one that is refused before it is accepted leaves nothing there."""
    events = [event async for event in workflow.fetch_history_events()]
    return sum(event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED for event in events)


async def assert_sound(
    histories: Sequence[WorkflowHistory], plugin: SimplePlugin | None = None, *, runner: WorkflowRunner = UNSANDBOXED
) -> None:
    """Fail on a failed workflow task, and where a replay, by this runner, does not give the commands of the history."""
    for history in histories:
        failed = [
            event.workflow_task_failed_event_attributes.failure.message
            for event in history.events
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
            and event.workflow_task_failed_event_attributes.cause not in NO_FAULTS
        ]
        assert not failed, f"{history.workflow_id}: {failed}"
    await _replay(histories, plugin or offramp_plugin(), runner)


async def _replay(histories: Sequence[WorkflowHistory], plugin: SimplePlugin, runner: WorkflowRunner) -> None:
    # A run that has only just begun has nothing to replay, and a replayer waits for ever for its first task.
    histories = [
        history for history in histories if any(event.event_type == TASK_COMPLETED for event in history.events)
    ]
    if histories:
        replayed_by = SimplePlugin("replayed by", workflow_runner=runner)
        replayer = Replayer(workflows=WORKFLOWS, plugins=[plugin, replayed_by])
        await replayer.replay_workflows(_each(histories))


async def _each(histories: Sequence[WorkflowHistory]) -> AsyncIterator[WorkflowHistory]:
    for history in histories:
        yield history

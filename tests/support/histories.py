"""What every history must be: free of failed workflow tasks, and replayed by today's code to the same commands."""

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

from runtime.temporal import offramp_plugin
from workflows.cancellation.workflow import SubscriptionCancellation
from workflows.lines.workflow import SubscriptionLineDatesUpdate
from workflows.marketing.workflow import MarketingServiceCancellation
from workflows.messaging.workflow import MessageDelivery
from workflows.migration.workflow import OnPremisesMigration

UNHANDLED = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND

WORKFLOWS = [
    SubscriptionCancellation,
    OnPremisesMigration,
    MarketingServiceCancellation,
    MessageDelivery,
    SubscriptionLineDatesUpdate,
]


def replayer() -> Replayer:
    """Today's workflow code, ready to replay."""
    return Replayer(workflows=WORKFLOWS, plugins=[offramp_plugin()])


async def histories_of(client: Client, workflow_id: str) -> list[WorkflowHistory]:
    """The history of every run of a workflow."""
    return [history async for history in client.list_workflows(f'WorkflowId = "{workflow_id}"').map_histories()]


async def assert_sound(histories: list[WorkflowHistory]) -> None:
    """Fail on a failed workflow task, and where a replay does not give the commands of the history."""
    for history in histories:
        failed = [
            event.workflow_task_failed_event_attributes.failure.message
            for event in history.events
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
            # No fault: something arrived while the task was done, and the server has it done again with it.
            and event.workflow_task_failed_event_attributes.cause != UNHANDLED
        ]
        assert not failed, f"{history.workflow_id}: {failed}"
        await replayer().replay_workflow(history)

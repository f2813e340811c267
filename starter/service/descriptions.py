"""The description of a workflow by Temporal, in words: whether it runs, is suspended, or held up by an activity."""

from collections.abc import Iterable, Iterator

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus

SUSPENDED_AFTER = 3
"""The attempt at a workflow task from which on its workflow may be suspended: one or two fail in passing."""


def is_running(description: WorkflowExecutionDescription | None) -> bool:
    """Return true if a workflow has not ended."""
    return description is not None and description.status is WorkflowExecutionStatus.RUNNING


def may_be_suspended(description: WorkflowExecutionDescription) -> bool:
    """Return true if the task of a running workflow was tried again and again: it fails, or was lost with its workers."""
    return is_running(description) and description.raw_description.pending_workflow_task.attempt >= SUSPENDED_AFTER


def task_has_failed(newest_first: Iterable[HistoryEvent]) -> bool:
    """Return true if the newest task of a workflow has failed; false if it was lost with its worker, and timed out."""
    for event in newest_first:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            return True
        if event.event_type in (
            EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
            EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
        ):
            return False
    return False


def pending_activities(
    description: WorkflowExecutionDescription | None, activity: str | None = None
) -> Iterator[PendingActivityInfo]:
    """Return the activities that a workflow waits for, of one type if that is named."""
    if description is not None:
        for pending in description.raw_description.pending_activities:
            if activity is None or pending.activity_type.name == activity:
                yield pending


def why_held_up(attempt: PendingActivityInfo) -> str:
    """Return the reason why the last attempt of a pending activity failed; empty if none did."""
    if is_taken_over(attempt):
        return "The worker that did it died or gave no sign of life; another one takes over."
    return attempt.last_failure.message


def is_taken_over(attempt: PendingActivityInfo) -> bool:
    """Return true if the last attempt was lost with its worker: nothing stands in the way of the next one."""
    return attempt.last_failure.HasField("timeout_failure_info")


def reasons_held_up(description: WorkflowExecutionDescription | None) -> str:
    """Return why the activities of a workflow are being tried again, each reason once; empty if none is."""
    return " ".join(dict.fromkeys(filter(None, map(why_held_up, pending_activities(description)))))

"""Update-with-start, the way to start a workflow and have its first answer, or that of the one which runs under its id."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError

from contract.readable import Readable

_COMPLETED_BEFORE_ITS_UPDATE = "AcceptedUpdateCompletedWorkflow"
"""Temporal's type of the error that an update gets whose workflow ended before the update's own answer was written."""


def starting(
    workflow: str, message: Any, *, workflow_id: str, task_queue: str, summary: str, details: str
) -> WithStartWorkflowOperation[Any, Any]:
    """Return the start of a workflow, which is for one update alone: of a new run, or of the one that runs."""
    return WithStartWorkflowOperation(
        workflow,
        message,
        id=workflow_id,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        static_summary=Readable(summary),
        static_details=Readable(details),
    )


@contextmanager
def retrieving(start: WithStartWorkflowOperation[Any, Any]) -> Iterator[None]:
    """Retrieve the outcome of the start, which the update's outcome repeats.

    asyncio reports on standard error a failure that nobody retrieves.
    """
    handle = asyncio.ensure_future(start.workflow_handle())
    handle.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        yield
    finally:
        handle.cancel()


def is_answered_by_result(error: WorkflowUpdateFailedError) -> bool:
    """Return true if a workflow ended in the very task that answered the update: its result is the answer."""
    return isinstance(error.cause, ApplicationError) and error.cause.type == _COMPLETED_BEFORE_ITS_UPDATE

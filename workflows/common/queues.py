"""The task queues of a workflow's activities: beside its own, one for each kind of work."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contract import WorkQueue


def queue_for(work: WorkQueue) -> str:
    """Return the task queue for a kind of work."""
    return work.task_queue(workflow.info().task_queue)

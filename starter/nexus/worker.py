"""The worker that hosts the Nexus service."""

from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker

from contract import TASK_QUEUE
from contract.nexus import NEXUS_TASK_QUEUE
from starter.nexus.handlers import Cancellations

_GRACE = timedelta(seconds=10)
"""As long as Temporal waits for an operation."""


def nexus_worker(
    callers: Client, unsigned: Client, *, task_queue: str = NEXUS_TASK_QUEUE, workflows: str = TASK_QUEUE
) -> Worker:
    """Return the worker.

    Args:
        callers: the client for what callers send and are answered (`starter.nexus.payloads`).
        unsigned: the client for the workflows, with the keys of payloads and none of requests.
        task_queue: the queue that an endpoint leads to.
        workflows: the queue of the workflows.

    """
    return Worker(
        callers,
        task_queue=task_queue,
        nexus_service_handlers=[Cancellations(unsigned, workflows)],
        graceful_shutdown_timeout=_GRACE,
    )

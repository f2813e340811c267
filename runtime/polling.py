"""Whether the workers of a host ask Temporal for work: a process that runs may still be cut off from it."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from contract import TASK_QUEUE, WorkQueue
from contract.nexus import NEXUS_TASK_QUEUE

FRESH = timedelta(minutes=2)
"""A worker that waits for work asks again every minute; Temporal remembers it for five more."""

_WORKFLOWS, _ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY


async def unattended(
    client: Client, host: str, hosted: Collection[WorkQueue], *, task_queue: str = TASK_QUEUE
) -> list[WorkQueue]:
    """Return the queues for which no worker on ``host`` has recently asked for work: for activities, or workflow tasks.

    Workers are distinguished by the identity that Temporal's SDK gives them, ``process@host``. Raises RPCError.
    """
    kinds = [(queue, kind) for queue in hosted for kind in (_ACTIVITIES, _WORKFLOWS) if _has(queue, kind)]
    asked = await asyncio.gather(
        *(_asks_for(kind, client, host, queue.task_queue(task_queue)) for queue, kind in kinds)
    )
    missing = {queue for (queue, _), asks in zip(kinds, asked, strict=True) if not asks}
    return [queue for queue in hosted if queue in missing]


async def nexus_is_attended(client: Client, host: str) -> bool:
    """Return true if a Nexus service on ``host`` has recently asked for work. Raises RPCError."""
    return await _asks_for(TaskQueueType.TASK_QUEUE_TYPE_NEXUS, client, host, NEXUS_TASK_QUEUE)


def _has(queue: WorkQueue, kind: TaskQueueType.ValueType) -> bool:
    return queue is WorkQueue.WORKFLOWS or kind == _ACTIVITIES


async def _asks_for(kind: TaskQueueType.ValueType, client: Client, host: str, task_queue: str) -> bool:
    queue = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=task_queue), task_queue_type=kind
        )
    )
    since = datetime.now(UTC) - FRESH
    return any(
        poller.identity.partition("@")[2] == host and poller.last_access_time.ToDatetime(UTC) >= since
        for poller in queue.pollers
    )

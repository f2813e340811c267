"""The health check of this machine's worker: ``python -m starter.deploy.health``, status 0 or 1 and a sentence.

``python -m starter.deploy.health nexus`` is that of its Nexus service.

For containers, where a worker has a host name of its own. It asks Temporal, because a process that runs may still be cut
off from its work; whether there is any work makes no difference.
"""

import asyncio
import socket
import sys
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from contract import TASK_QUEUE, WorkQueue
from contract.nexus import NEXUS_TASK_QUEUE
from domain.refusals import Refusal
from runtime.process import leave
from runtime.queues import QueueSettings
from runtime.temporal import connect_to_temporal
from starter.cli.remedies import operators_text

FRESH = timedelta(minutes=2)
"""A worker that waits for work asks again every minute; Temporal remembers it for five more."""

NEXUS = "nexus"
"""The argument that asks for the Nexus service."""

_WORKFLOWS, _ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
_NEXUS = TaskQueueType.TASK_QUEUE_TYPE_NEXUS


async def unattended(
    client: Client, host: str, hosted: Collection[WorkQueue], *, task_queue: str = TASK_QUEUE
) -> list[WorkQueue]:
    """Return the queues for which no worker on ``host`` has recently asked for work: for activities, or workflow tasks.

    Workers are distinguished by the identity that Temporal's SDK gives them, ``process@host``.
    """
    kinds = [(queue, kind) for queue in hosted for kind in (_ACTIVITIES, _WORKFLOWS) if _has(queue, kind)]
    asked = await asyncio.gather(
        *(_asks_for(kind, client, host, queue.task_queue(task_queue)) for queue, kind in kinds)
    )
    missing = {queue for (queue, _), asks in zip(kinds, asked, strict=True) if not asks}
    return [queue for queue in hosted if queue in missing]


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


async def _check(what: str) -> str | None:
    """Return what is wrong; None when nothing is."""
    host = socket.gethostname()
    try:
        client = await connect_to_temporal()
        if what == NEXUS:
            asks = await _asks_for(_NEXUS, client, host, NEXUS_TASK_QUEUE)
            missing = [] if asks else [NEXUS_TASK_QUEUE]
        else:
            missing = [*await unattended(client, host, QueueSettings().hosted)]
    except Refusal as refusal:
        return operators_text(refusal)
    except RPCError as error:
        return f"Temporal does not list the workers that ask for work: {error.message}"
    if not missing:
        return None
    return (
        f"No worker on {host} has asked Temporal for work in the last {FRESH.seconds // 60} minutes, on these queues: "
        f"{', '.join(missing)}."
    )


if __name__ == "__main__":
    trouble = asyncio.run(_check("".join(sys.argv[1:])))
    sys.stdout.write(f"{trouble or 'The worker asks for work.'}\n")
    leave(1 if trouble else 0)

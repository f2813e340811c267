"""The Nexus service of the local stack, for callers in other namespaces of its Temporal server, who have no keys."""

from collections.abc import Mapping

from temporalio.api.enums.v1 import TaskQueueType

from contract.nexus import NEXUS_TASK_QUEUE
from starter.local import HOST
from starter.local.services import own_module
from starter.local.supervisor import Service
from starter.local.temporal import has_poller

ENDPOINT = "offramp"
"""The name of its endpoint."""

_NEEDED = ("OFFRAMP_PAYLOAD_", "OFFRAMP_NEXUS_")


def nexus_environment() -> dict[str, str]:
    """Return the variable by which the set-up makes the endpoint."""
    return {"OFFRAMP_NEXUS_ENDPOINT": ENDPOINT}


def nexus_service(port: int, environment: Mapping[str, str]) -> Service:
    """Return the Nexus service as a service to supervise; it is given nothing of the database or the doors.

    Args:
        port: that of Temporal.
        environment: that of the stack.

    """
    own = {
        name: value
        for name, value in environment.items()
        if not name.startswith("OFFRAMP_") or name.startswith(_NEEDED)
    }
    kind = TaskQueueType.TASK_QUEUE_TYPE_NEXUS
    return Service(
        name="nexus",
        command=own_module("starter.nexus"),
        is_ready=lambda: has_poller(f"{HOST}:{port}", NEXUS_TASK_QUEUE, kind),
        environment=own,
    )

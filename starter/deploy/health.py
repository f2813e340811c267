"""The health check of this machine's worker: ``python -m starter.deploy.health``, status 0 or 1 and a sentence.

``python -m starter.deploy.health nexus`` is that of its Nexus service.

For containers, where a worker has a host name of its own. It asks Temporal, because a process that runs may still be cut
off from its work; whether there is any work makes no difference.
"""

import asyncio
import socket
import sys

from temporalio.service import RPCError

from contract.nexus import NEXUS_TASK_QUEUE
from domain.refusals import Refusal
from runtime.polling import FRESH, nexus_is_attended, unattended
from runtime.process import leave
from runtime.queues import QueueSettings
from runtime.temporal import connect_to_temporal
from starter.cli.remedies import operators_text

NEXUS = "nexus"
"""The argument that asks for the Nexus service."""


async def _check(what: str) -> str | None:
    """Return what is wrong; None when nothing is."""
    host = socket.gethostname()
    try:
        client = await connect_to_temporal()
        if what == NEXUS:
            missing = [] if await nexus_is_attended(client, host) else [NEXUS_TASK_QUEUE]
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

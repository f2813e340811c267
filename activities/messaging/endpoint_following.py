"""The start of the workflow that serves an endpoint, by deliveries whose messages it does not take."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy

from contract.messaging import SIGNAL_OWED, WEBHOOK_ENDPOINT, ServeEndpoint, webhook_endpoint_workflow_id
from contract.readable import Readable

WITHIN = timedelta(seconds=10)


def following(client: Client, task_queue: str) -> Callable[[str], None]:
    """Return a function for threads that has an endpoint served; called again, it starts nothing else.

    Args:
        client: of the event loop that runs now.
        task_queue: on which the workflow is started.

    """
    loop = asyncio.get_running_loop()

    def follow(endpoint: str) -> None:
        started = client.start_workflow(
            WEBHOOK_ENDPOINT,
            ServeEndpoint(endpoint=endpoint),
            id=webhook_endpoint_workflow_id(endpoint),
            task_queue=task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            start_signal=SIGNAL_OWED,
            static_summary=Readable(f"Send {endpoint} what it did not take"),
            rpc_timeout=WITHIN,
        )
        asyncio.run_coroutine_threadsafe(started, loop).result(2 * WITHIN.total_seconds())

    return follow

"""A worker with one trivial workflow: something real for the local stack to supervise, without the service's own."""

import asyncio
import signal

from temporalio import workflow
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.worker import Worker

from contract import TASK_QUEUE


@workflow.defn
class Greeting:
    @workflow.run
    async def run(self, name: str) -> str:
        return f"Hello, {name}"


async def main() -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[Greeting]):
        await stopping.wait()


if __name__ == "__main__":
    asyncio.run(main())

"""The cost of a whole cancellation, against a bare workflow with the same waits: ``make bench-lifecycle``.

Both run on the same worker process, the same Temporal dev server (file database) and PostgreSQL, in alternating rounds.
Published are ratios; the absolute figures are those of a dev server on this machine and say nothing about a cluster.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
from pydantic import SecretStr
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.messaging.http_client import HttpClient
from activities.messaging.mail import MailSettings
from activities.messaging.webhooks import WebhookSettings
from bench.bare import BareWaits, nothing
from contract import SEARCH_ATTRIBUTES, SUBSCRIPTION_CANCELLATION, Attestation, StartCancellation
from domain.vocabulary import Stage
from runtime.temporal import offramp_plugin
from starter.local.postgres import PostgresCluster
from starter.local.temporal import temporal_program
from storage.schema.migrate import upgrade
from tests.support.servers import open_directory, running
from tests.support.world import Mailbox, World
from worker import create_workers


class CountingMailbox(Mailbox):
    """Takes mails and counts them; reading them would be the bench's own cost."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802 - aiosmtpd calls it so
        """Take a mail."""
        self.count += 1
        return "250 OK"


WINDOW_SECONDS = 1.0
NOTIFICATIONS = 4


async def main() -> None:
    """Measure, and print a table."""
    options = _options()
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(open_directory())
        cluster = PostgresCluster(directory / "postgres")
        cluster.create()
        port = stack.enter_context(running(cluster, directory))
        cluster.ensure_database(port, "offramp")
        url = cluster.url(port, "offramp")
        upgrade(url)
        environment = await stack.enter_async_context(
            await WorkflowEnvironment.start_local(
                dev_server_existing_path=str(temporal_program()),
                dev_server_database_filename=str(Path(tempfile.mkdtemp()) / "temporal.db"),
                search_attributes=SEARCH_ATTRIBUTES,
                plugins=[offramp_plugin()],
            )
        )
        mailbox = stack.enter_context(CountingMailbox())
        world = World(environment, url, mailbox)
        http = stack.enter_context(HttpClient())
        mail = MailSettings(smtp_url=SecretStr(mailbox.url), mail_from="billing@offramp.example")
        await stack.enter_async_context(
            create_workers(
                environment.client,
                world.engine,
                http,
                mail=mail,
                webhooks=WebhookSettings(),
                task_queue=world.task_queue,
            )
        )
        await stack.enter_async_context(
            Worker(environment.client, task_queue="bare", workflows=[BareWaits], activities=[nothing])
        )
        await _measure(world, environment.client, options.lifecycles, options.concurrency, options.rounds)
        assert mailbox.count == NOTIFICATIONS * (options.rounds * options.lifecycles + options.concurrency), (
            "every lifecycle sends its four mails, once each"
        )


async def _measure(world: World, client: Client, lifecycles: int, concurrency: int, rounds: int) -> None:
    policy = {"reversal_window": f"PT{WINDOW_SECONDS}S"}
    total = rounds * lifecycles + concurrency
    subscriptions = [world.subscription(policy=policy) for _ in range(total)]
    taken = iter(subscriptions)

    async def lifecycle() -> None:
        subscription = next(taken)
        start = StartCancellation(
            subscription=subscription,
            actor="bench",
            request_id="bench",
            answers=world.answers(subscription),
            attestation=Attestation(reason="measured, not verified"),
        )
        result = await client.execute_workflow(
            SUBSCRIPTION_CANCELLATION, start, id=f"cancellation:{subscription}", task_queue=world.task_queue
        )
        assert result["stage"] == Stage.CLOSED

    async def bare() -> None:
        await client.execute_workflow("BareWaits", WINDOW_SECONDS, id=f"bare-{uuid4()}", task_queue="bare")

    await _round(lifecycle, concurrency, concurrency)
    await _round(bare, concurrency, concurrency)
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(await _round(bare, lifecycles, concurrency))
        ours.append(await _round(lifecycle, lifecycles, concurrency))
    events, size = await _history(client, f"cancellation:{subscriptions[-1]}")
    _print(lifecycles, concurrency, ours, theirs, events, size)


async def _round(one: Callable[[], Awaitable[None]], count: int, concurrency: int) -> tuple[float, float, float]:
    """Run ``count``, so many at once; return wall seconds and CPU seconds of this process and of the servers."""
    gate = asyncio.Semaphore(concurrency)

    async def gated() -> None:
        async with gate:
            await one()

    process = psutil.Process()
    began, own, servers = time.perf_counter(), _cpu([process]), _cpu(process.children(recursive=True))
    await asyncio.gather(*(gated() for _ in range(count)))
    took = time.perf_counter() - began
    return took, _cpu([process]) - own, _cpu(process.children(recursive=True)) - servers


def _cpu(processes: list[psutil.Process]) -> float:
    seconds = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += times.user + times.system
    return seconds


async def _history(client: Client, workflow_id: str) -> tuple[Counter[str], int]:
    events: Counter[str] = Counter()
    size = 0
    async for event in client.get_workflow_handle(workflow_id).fetch_history_events():
        events[EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")] += 1
        size += event.ByteSize()
    return events, size


def _print(
    lifecycles: int,
    concurrency: int,
    ours: list[tuple[float, float, float]],
    theirs: list[tuple[float, float, float]],
    events: Counter[str],
    size: int,
) -> None:
    def medians(rounds: list[tuple[float, float, float]]) -> tuple[float, ...]:
        return tuple(statistics.median(column) for column in zip(*rounds, strict=True))

    our, their = medians(ours), medians(theirs)
    print(f"{lifecycles} a round, {concurrency} at once, median of {len(ours)} rounds, {os.cpu_count()} cores")
    print(f"{'':28}{'lifecycle':>12}{'bare':>12}{'ratio':>8}")
    names = ("seconds a round", "worker CPU ms each", "servers' CPU ms each")
    for name, mine, other, scale in zip(names, our, their, (1, 1000 / lifecycles, 1000 / lifecycles), strict=True):
        print(f"{name:28}{mine * scale:12.2f}{other * scale:12.2f}{mine / other:8.2f}")
    rates = lifecycles / our[0], lifecycles / their[0]
    print(f"{'workflows a second':28}{rates[0]:12.2f}{rates[1]:12.2f}{rates[0] / rates[1]:8.2f}")
    print(f"history of one lifecycle: {events.total()} events, {size} bytes")
    for name, count in events.most_common():
        print(f"  {count:3} {name}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lifecycles", type=int, default=150, help="a round")
    parser.add_argument("--concurrency", type=int, default=30, help="at once")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())

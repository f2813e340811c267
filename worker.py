"""The process that hosts workflows and activities: ``python -m worker``; ``OFFRAMP_QUEUES`` says which of them.

On SIGTERM and SIGINT it shuts down gracefully: it takes no new work, lets running activities finish, then exits.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client
from temporalio.worker import Worker, WorkerDeploymentConfig

from activities.bulk.activities import Bulks
from activities.cancellation import Records
from activities.erasure import Eraser
from activities.export.activities import Exporter
from activities.gauges import Gauges
from activities.lines import LineDates, NightlySettings
from activities.marketing import MarketingRecords
from activities.messaging.endpoint_following import following
from activities.messaging.http_client import HttpClient
from activities.messaging.links import Links, LinkSettings
from activities.messaging.mail import Mail, MailSettings
from activities.messaging.webhook_secrets import WebhookKeys, WebhookKeySettings
from activities.messaging.webhook_settings import WebhookSettings
from activities.messaging.webhooks import Webhooks
from activities.migration.activities import Migrations
from activities.migration.pg_dump import DumpSettings
from activities.migration.transfer import Transfers
from activities.privacy import Retention
from activities.reconciliation.activities import Reconciler
from activities.system_tasks import TaskRecords
from activities.verification import Verifier
from contract import TASK_QUEUE, WorkQueue
from domain.vocabulary import Channel
from records.webhooks.endpoints import configure
from runtime.metrics import MetricsSettings
from runtime.polling import unattended
from runtime.probes import Check, ProbeSettings, probes
from runtime.queues import LOCAL_SLOTS, SLOTS, QueueSettings, connections, threads
from runtime.serving import serve
from runtime.temporal import connect_to_temporal
from runtime.tracing_settings import TracingSettings
from runtime.versioning import VersionSettings
from storage.database import DatabaseSettings, create_database_engine
from storage.objects import Objects, ObjectStoreSettings
from storage.rights import warn_of_owner
from storage.tenants.database import TenantDatabase
from storage.tenants.refusals import TenantDatabaseNotNow
from storage.tenants.settings import TenantDatabaseSettings
from workflows.bulk import workflow as bulk
from workflows.cancellation import line_workflow as line_cancellation
from workflows.cancellation import system_tasks
from workflows.cancellation import workflow as cancellation
from workflows.lines import workflow as lines
from workflows.marketing import workflow as marketing
from workflows.messaging import endpoints as webhook_endpoints
from workflows.messaging import webhooks as webhooks_of_endpoints
from workflows.messaging import workflow as messaging
from workflows.migration import workflow as migration
from workflows.privacy import workflow as privacy
from workflows.reconciliation import workflow as reconciliation

OF_ALL_WORKERS = (
    *cancellation.WORKFLOWS,
    *system_tasks.WORKFLOWS,
    *line_cancellation.WORKFLOWS,
    *migration.WORKFLOWS,
    *marketing.WORKFLOWS,
    *messaging.WORKFLOWS,
    *webhooks_of_endpoints.WORKFLOWS,
    *webhook_endpoints.WORKFLOWS,
    *reconciliation.WORKFLOWS,
    *privacy.WORKFLOWS,
    *bulk.WORKFLOWS,
)
WORKFLOWS = (*OF_ALL_WORKERS, *lines.WORKFLOWS)
WORKFLOWS_OF_A_VERSION = (*OF_ALL_WORKERS, *lines.WORKFLOWS_OF_A_VERSION)
"""The same for workers that are a version of a worker deployment."""

GRACE = timedelta(seconds=20)
CONFIGURE_AGAIN_SECONDS = 5.0


class Workers:
    """The workers of a process: one for each queue that it hosts, with slots and threads of its own.

    They start and stop together; an error that ends one of them ends all, and is raised.
    """

    def __init__(
        self,
        client: Client,
        activities: Mapping[WorkQueue, Sequence[Callable[..., object]]],
        *,
        hosted: Collection[WorkQueue],
        task_queue: str,
        deployment: WorkerDeploymentConfig | None,
    ) -> None:
        workflows = WORKFLOWS if deployment is None else WORKFLOWS_OF_A_VERSION
        self._parts = AsyncExitStack()
        self.by_queue: dict[WorkQueue, Worker] = {}
        # The workflows' last: once there is a worker for them, there is one for their activities.
        for queue in sorted(hosted, key=lambda queue: queue is WorkQueue.WORKFLOWS):
            # Local activities run where their workflow does, and so may what earlier versions scheduled.
            everything = queue is WorkQueue.WORKFLOWS
            executor = ThreadPoolExecutor(threads(queue), thread_name_prefix=queue)
            self._parts.callback(executor.shutdown)
            self.by_queue[queue] = Worker(
                client,
                task_queue=queue.task_queue(task_queue),
                workflows=workflows if everything else (),
                activities=[each for on in activities.values() for each in on] if everything else activities[queue],
                activity_executor=executor,
                max_concurrent_activities=SLOTS[queue],
                max_concurrent_local_activities=LOCAL_SLOTS if everything else None,
                graceful_shutdown_timeout=GRACE,
                deployment_config=deployment,
                # A person who watches an export wants to see its progress every other second.
                max_heartbeat_throttle_interval=timedelta(seconds=2),
                # After a worker dies, others take over its cached workflows this much later.
                sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
            )

    async def __aenter__(self) -> Self:
        """Start them all."""
        async with AsyncExitStack() as parts:
            parts.push_async_exit(self._parts)
            for worker in self.by_queue.values():
                await parts.enter_async_context(worker)
            # Together: each may take the whole grace.
            parts.push_async_callback(self._shut_down)
            self._parts = parts.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop them all: nothing new is begun, and running activities may finish within the grace."""
        await self._parts.__aexit__(kind, error, trace)

    async def _shut_down(self) -> None:
        await asyncio.gather(*(worker.shutdown() for worker in self.by_queue.values()))


def create_workers(
    client: Client,
    engine: Engine,
    http: HttpClient,
    *,
    mail: MailSettings,
    webhooks: WebhookSettings,
    webhook_keys: WebhookKeys | None = None,
    nightly: NightlySettings | None = None,
    tenants: TenantDatabase | None = None,
    objects: Objects | None = None,
    links: Links | None = None,
    dump: DumpSettings | None = None,
    task_queue: str = TASK_QUEUE,
    hosted: Collection[WorkQueue] = tuple(WorkQueue),
    deployment: WorkerDeploymentConfig | None = None,
) -> Workers:
    """Assemble the workers of some queues from their external dependencies; ``task_queue`` is that of the workflows."""
    channels = frozenset(Channel)
    mailer = Mail(engine, mail, links)
    zone = (nightly or NightlySettings()).nightly_zone
    areas = (
        Records(engine, channels),
        TaskRecords(engine, channels),
        Exporter(engine, channels, tenants, objects),
        Migrations(engine, channels),
        Transfers(engine, channels, tenants, objects, dump or DumpSettings()),
        MarketingRecords(engine, channels, links),
        Eraser(engine, channels, tenants, objects),
        Verifier(engine, mailer),
        mailer,
        Webhooks(engine, webhooks, http, keys=webhook_keys, mail=mailer, follow=following(client, task_queue)),
        LineDates(engine, channels, zone),
        Retention(engine, channels),
        Bulks(engine, channels),
        Reconciler(engine, channels, tenants, objects, zone),
    )
    activities: dict[WorkQueue, list[Callable[..., object]]] = {queue: [] for queue in WorkQueue}
    for area in areas:
        for queue, registered in area.registered.items():
            activities[queue] += registered
    return Workers(client, activities, hosted=hosted, task_queue=task_queue, deployment=deployment)


async def main() -> None:
    """Run the workers of this process until a signal stops it."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    hosted = QueueSettings().hosted
    metrics = MetricsSettings()
    runtime = metrics.runtime
    tracing = TracingSettings().tracing("offramp-worker")
    measures = metrics.metrics_address is not None and WorkQueue.NIGHTLY in hosted
    engine = create_database_engine(DatabaseSettings().database_url, pool_size=connections(hosted) + measures)
    if tracing is not None:
        tracing.trace_statements(engine)
    await asyncio.to_thread(warn_of_owner, engine)
    client = await connect_to_temporal(engine=engine, runtime=runtime, tracing=tracing)
    webhooks = WebhookSettings()
    beside = [asyncio.create_task(_configure_endpoint(engine, webhooks))] if WorkQueue.WEBHOOKS in hosted else []
    if measures:
        gauges = Gauges(engine, runtime.metric_meter, NightlySettings().nightly_zone)
        beside.append(asyncio.create_task(gauges.run()))
    with HttpClient() as http:
        workers = create_workers(
            client,
            engine,
            http,
            mail=MailSettings(),
            webhooks=webhooks,
            webhook_keys=WebhookKeySettings().keys,
            tenants=await asyncio.to_thread(_tenant_database),
            objects=Objects(store) if (store := ObjectStoreSettings()).url else None,
            links=LinkSettings().links,
            hosted=hosted,
            deployment=VersionSettings().deployment,
        )
        async with probes(ProbeSettings().health_address, _checks(client, hosted), stop), workers:
            logging.info("This process hosts the queues %s.", ", ".join(hosted))
            await stop.wait()
    for task in beside:
        task.cancel()
    engine.dispose()
    if tracing is not None:
        tracing.shut_down()


def _checks(client: Client, hosted: Collection[WorkQueue]) -> Mapping[str, Check]:
    """Return what a worker is ready by: it asks Temporal for work on each of its queues, and its database answers."""
    # A connection of their own: those of the activities may all be at work.
    engine = create_database_engine(DatabaseSettings().database_url, pool_size=1)

    def selects() -> bool:
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    async def asks_for_work() -> bool:
        return not await unattended(client, socket.gethostname(), hosted)

    return {"database": lambda: asyncio.to_thread(selects), "temporal": asks_for_work}


async def _configure_endpoint(engine: Engine, webhooks: WebhookSettings) -> None:
    """Record whether the configuration gives a webhook endpoint, as soon as the database answers."""
    while True:
        with suppress(SQLAlchemyError):
            return await asyncio.to_thread(configure, engine, is_configured=bool(webhooks.webhook_url))
        await asyncio.sleep(CONFIGURE_AGAIN_SECONDS)


def _tenant_database() -> TenantDatabase | None:
    """Return the database of the organizations' data; raises TenantLoginTooPowerful where its user is not harmless."""
    if (settings := TenantDatabaseSettings()).tenant_database_url is None:
        return None
    tenants = TenantDatabase(settings)
    with suppress(TenantDatabaseNotNow):  # work waits for it, and each use of it checks again
        tenants.refuse_powerful_user()
    return tenants


if __name__ == "__main__":
    serve(main, failing="The worker cannot start")

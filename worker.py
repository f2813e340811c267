"""The process that hosts workflows and activities: ``python -m worker``.

On SIGTERM and SIGINT it shuts down gracefully: it takes no new work, lets running activities finish, then exits.
"""

import asyncio
import logging
import signal
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import timedelta

from pydantic import ValidationError
from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.worker import Worker

from activities.cancellation import Records
from activities.erasure import Eraser
from activities.export.activities import Exporter
from activities.lines import LineDates, NightlySettings
from activities.marketing import MarketingRecords
from activities.messaging.http_client import HttpClient
from activities.messaging.links import Links, LinkSettings
from activities.messaging.mail import Mail, MailSettings
from activities.messaging.webhooks import Webhooks, WebhookSettings
from activities.migration.activities import Migrations
from activities.migration.pg_dump import DumpSettings
from activities.migration.transfer import Transfers
from activities.verification import Verifier
from contract import TASK_QUEUE
from domain.refusals import Refusal
from domain.vocabulary import Channel
from runtime.process import leave
from runtime.refusals import log_text
from runtime.temporal import connect_to_temporal
from storage.database import DatabaseSettings, create_database_engine
from storage.objects import Objects, ObjectStoreSettings
from storage.tenants.database import TenantDatabase, TenantDatabaseSettings
from workflows.cancellation import workflow as cancellation
from workflows.lines import workflow as lines
from workflows.marketing import workflow as marketing
from workflows.messaging import workflow as messaging
from workflows.migration import workflow as migration

WORKFLOWS = (
    *cancellation.WORKFLOWS,
    *migration.WORKFLOWS,
    *marketing.WORKFLOWS,
    *messaging.WORKFLOWS,
    *lines.WORKFLOWS,
)

# As many activities at once as there are threads for them and connections to the database.
CONCURRENT_ACTIVITIES = 20

GRACE = timedelta(seconds=20)


def create_worker(
    client: Client,
    engine: Engine,
    executor: Executor,
    http: HttpClient,
    *,
    mail: MailSettings,
    webhooks: WebhookSettings,
    nightly: NightlySettings | None = None,
    tenants: TenantDatabase | None = None,
    objects: Objects | None = None,
    links: Links | None = None,
    dump: DumpSettings | None = None,
    task_queue: str = TASK_QUEUE,
) -> Worker:
    """Assemble a worker from its external dependencies."""
    channels = frozenset({Channel.MAIL, Channel.WEBHOOK} if webhooks.webhook_url else {Channel.MAIL})
    mailer = Mail(engine, mail, links)
    areas = (
        Records(engine, channels),
        Exporter(engine, channels, tenants, objects),
        Migrations(engine, channels),
        Transfers(engine, channels, tenants, objects, dump or DumpSettings()),
        MarketingRecords(engine, channels, links),
        Eraser(engine, channels, tenants, objects),
        Verifier(engine, mailer),
        mailer,
        Webhooks(engine, webhooks, http),
        LineDates(engine, channels, (nightly or NightlySettings()).nightly_zone),
    )
    return Worker(
        client,
        task_queue=task_queue,
        workflows=WORKFLOWS,
        activities=[activity for area in areas for activity in area.registered],
        activity_executor=executor,
        max_concurrent_activities=CONCURRENT_ACTIVITIES,
        max_concurrent_local_activities=CONCURRENT_ACTIVITIES,
        graceful_shutdown_timeout=GRACE,
        # A person who watches an export wants to see its progress every other second.
        max_heartbeat_throttle_interval=timedelta(seconds=2),
        # After a worker dies, others take over its cached workflows this much later.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
    )


async def main() -> None:
    """Run a worker until a signal stops it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = await connect_to_temporal()
    engine = create_database_engine(DatabaseSettings().database_url, pool_size=2 * CONCURRENT_ACTIVITIES)
    with ThreadPoolExecutor(2 * CONCURRENT_ACTIVITIES) as executor, HttpClient() as http:
        worker = create_worker(
            client,
            engine,
            executor,
            http,
            mail=MailSettings(),
            webhooks=WebhookSettings(),
            tenants=TenantDatabase(data) if (data := TenantDatabaseSettings()).tenant_database_url else None,
            objects=Objects(store) if (store := ObjectStoreSettings()).url else None,
            links=LinkSettings().links,
        )
        async with worker:
            await stop.wait()
    engine.dispose()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except (Refusal, ValidationError) as reason:
        # The supervisor of the process restarts it; the reason is logged as a sentence, not as a stack trace.
        said = log_text(reason) if isinstance(reason, Refusal) else reason
        logging.error("The worker cannot start: %s", said)  # noqa: TRY400
        leave(1)
    leave(0)

"""A world to cancel subscriptions in: real database, real Temporal, real worker, a real mailbox; time is the test's.

Every test has subscriptions that nobody else uses; the tests that stop a part of the world have a world of their own.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import ExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from pydantic import SecretStr
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.update.v1 import UpdateRef
from temporalio.api.workflowservice.v1 import PollWorkflowExecutionUpdateRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import WorkerDeploymentConfig

from activities.messaging.http_client import HttpClient
from activities.messaging.links import Links, LinkSettings
from activities.messaging.mail import MailSettings
from activities.messaging.webhook_secrets import WebhookKeys
from activities.messaging.webhook_settings import WebhookSettings
from activities.migration.pg_dump import DumpSettings
from contract import (
    REQUEST_REVERSAL,
    Attestation,
    CancellationStatus,
    RequestReversal,
    StartCancellation,
    WorkQueue,
    cancellation_workflow_id,
)
from domain.vocabulary import Stage
from records.webhooks.endpoints import configure
from runtime.named_keys import NamedKey
from runtime.queues import connections
from runtime.tracing import Tracing
from starter.service import Offramp
from storage.database import create_database_engine
from storage.rights import DatabaseRole
from tests.support.databases import as_role
from tests.support.evidence import Evidence
from tests.support.mailbox import Mailbox
from tests.support.outcomes import eventually, refused
from tests.support.population import ADMINISTRATOR, MARKETING_OWNER, Data
from tests.support.servers import pg_program
from worker import create_workers

__all__ = [
    "ADMINISTRATOR",
    "AGENT",
    "LINKS",
    "MARKETING_OWNER",
    "SECOND_PERSON",
    "Data",
    "Mailbox",
    "World",
    "eventually",
    "refused",
]

AGENT = "agent-7"
SECOND_PERSON = "manager-2"

LINKS = Links(LinkSettings(public_url="https://offramp.example", link_secret=SecretStr("0" * 32)))
"""As the world's mails have them."""

WEBHOOK_KEYS = WebhookKeys((NamedKey("tests", b"w" * 32),))
"""Those of the secrets of its webhook endpoints."""


class World(Evidence):
    """Organizations and subscriptions, the service that cancels them, and a hand on the clock."""

    def __init__(
        self,
        environment: WorkflowEnvironment,
        database_url: str,
        mailbox: Mailbox,
        *,
        task_queue: str | None = None,
        data: Data | None = None,
    ) -> None:
        super().__init__(create_database_engine(database_url), data)
        self.environment = environment
        self.mailbox = mailbox
        self.task_queue = task_queue or f"test-{uuid4()}"
        self.links = LINKS
        self.smtp_url = mailbox.url
        self.database_url = database_url
        self.engines = {role: create_database_engine(as_role(database_url, role), pool_size=5) for role in DatabaseRole}
        self.serve(self.task_queue)

    def serve(self, task_queue: str) -> None:
        """Reach the service where workers of this queue take up what is started."""
        objects = self.data.objects if self.data else None
        reader = self.data.reader or objects if self.data else None
        self.offramp, self.behind_pages = (
            Offramp(
                self.environment.client,
                self.engines[role],
                objects=of_role,
                task_queue=task_queue,
                webhook_keys=WEBHOOK_KEYS,
            )
            for role, of_role in ((DatabaseRole.CALLERS, objects), (DatabaseRole.PAGES, reader))
        )
        self.service, self.marketing = self.offramp.cancellations, self.offramp.marketing
        self.lines = self.offramp.line_cancellations

    def close(self) -> None:
        """Give the connections to the database back."""
        for engine in (self.engine, *self.engines.values()):
            engine.dispose()

    @asynccontextmanager
    async def worker(
        self,
        *,
        client: Client | None = None,
        webhooks: WebhookSettings | None = None,
        hosted: Collection[WorkQueue] = tuple(WorkQueue),
        deployment: WorkerDeploymentConfig | None = None,
        tracing: Tracing | None = None,
    ) -> AsyncIterator[None]:
        """Run a process with workers for a while; its queues are the world's own."""
        mail = MailSettings(
            smtp_url=SecretStr(self.smtp_url), mail_from="billing@offramp.example", mail_gather_seconds=1
        )
        with ExitStack() as parts:
            url = as_role(self.database_url, DatabaseRole.WORKER)
            engine = create_database_engine(url, pool_size=connections(hosted))
            parts.callback(engine.dispose)
            if tracing is not None:
                tracing.trace_statements(engine)
            configure(engine, is_configured=bool(webhooks and webhooks.webhook_url))
            async with create_workers(
                client or self.environment.client,
                engine,
                parts.enter_context(HttpClient()),
                mail=mail,
                webhooks=webhooks or WebhookSettings(),
                webhook_keys=WEBHOOK_KEYS,
                tenants=self.data.tenants if self.data else None,
                objects=self.data.objects if self.data else None,
                links=LINKS,
                dump=DumpSettings(pg_dump=pg_program("pg_dump")),
                task_queue=self.task_queue,
                hosted=hosted,
                deployment=deployment,
            ):
                yield

    async def start(self, subscription: str, *, complete: bool = True, **fields: Any) -> CancellationStatus:
        """Start a cancellation whose clock only the test moves; with everything answered and attested, if complete."""
        if complete:
            fields.setdefault("answers", self.answers(subscription))
            fields.setdefault("attestation", Attestation(reason="called back on the number on file"))
        fields.setdefault("actor", AGENT)
        with self.environment.with_time_skipping_disabled():
            return await self.service.start(StartCancellation(subscription=subscription, **fields))

    def handle(self, subscription: str) -> WorkflowHandle[Any, Any]:
        """The workflow that carries the subscription's cancellation."""
        return self.environment.client.get_workflow_handle(cancellation_workflow_id(subscription))

    async def update(self, subscription: str, name: str, *messages: Any, id: str | None = None) -> CancellationStatus:  # noqa: A002
        """Send an update as a foreign system does: whatever the message is."""
        answer: CancellationStatus = await self.handle(subscription).execute_update(
            name, args=messages, id=id or str(uuid4()), result_type=CancellationStatus
        )
        return answer

    async def arrived(self, workflow: WorkflowHandle[Any, Any], update_id: str) -> None:
        """Wait until the server has an update that no worker takes on yet: what is sent from now on comes after it."""
        execution = WorkflowExecution(workflow_id=workflow.id)
        asked = PollWorkflowExecutionUpdateRequest(
            namespace=self.environment.client.namespace,
            update_ref=UpdateRef(workflow_execution=execution, update_id=update_id),
        )

        async def is_there() -> bool:
            try:
                await self.environment.client.workflow_service.poll_workflow_execution_update(asked)
            except RPCError as error:
                if error.status not in (RPCStatusCode.NOT_FOUND, RPCStatusCode.CANCELLED):  # the server had no time
                    raise
                return False
            return True

        await eventually(is_there)

    async def mails_arrived(self, subscription: str, number: int) -> None:
        """Wait until so many mails about a subscription are there: they are delivered beside the story."""

        async def are_there() -> bool:
            return len(self.mailbox.of(subscription)) >= number

        await eventually(are_there)

    async def request_reversal(self, subscription: str, **fields: Any) -> CancellationStatus:
        """Ask for the reversal at this moment on the cancellation's clock."""
        message = RequestReversal(actor=AGENT, identity=self.identity(subscription), **fields)
        return await self.update(subscription, REQUEST_REVERSAL, message)

    async def signal_reversal(self, subscription: str, **fields: Any) -> None:
        """The same, fired and forgotten."""
        message = RequestReversal(actor=AGENT, identity=self.identity(subscription), **fields)
        await self.handle(subscription).signal(REQUEST_REVERSAL, message)

    async def now(self, subscription: str) -> datetime:
        """The time on the clock of the cancellation."""
        return await self.environment.get_current_time(self.handle(subscription))

    async def pass_time(self, subscription: str, duration: timedelta) -> None:
        """Let time pass for one cancellation; everything due meanwhile happens."""
        await self.environment.fast_forward(self.handle(subscription), duration)

    async def pass_until(self, subscription: str, instant: datetime) -> None:
        """Let time pass until an instant on the cancellation's clock."""
        await self.pass_time(subscription, instant - await self.now(subscription))

    async def stage(self, subscription: str) -> Stage:
        """The stage of the cancellation."""
        return (await self.service.status(subscription)).stage

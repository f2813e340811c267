"""Base of the facade's areas: the connections, reading and writing records, and calls to Temporal."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowExecutionDescription

import contract
from activities.messaging.webhook_secrets import WebhookKeys
from domain.refusals import Refusal
from records.transaction import Transaction
from runtime.temporal import TemporalUnavailable
from runtime.temporal_refusals import NothingThere, refusing_temporal_errors
from starter.service.descriptions import is_running, may_be_suspended, task_has_failed
from storage.objects import Objects, ObjectStoreNotConfigured
from storage.refusals import refusing_database_errors
from storage.tenants.database import TenantDatabase
from storage.tenants.refusals import TenantDatabaseNotConfigured

Result = TypeVar("Result")

CALL_TIMEOUT = timedelta(seconds=30)
"""The longest wait for an answer of Temporal itself."""

DESCRIBED_WITHIN = timedelta(seconds=5)
"""The longest wait for a description that would only explain why there is no other answer."""

NEWEST_EVENTS = 50
"""The number of events in which the newest task of a workflow is looked for."""

LONG_READ = timedelta(minutes=2)
"""The longest time for one statement of a read that may take long: nobody waits for it then, and it would still be read."""

NOT_IN_TIME = "it did not answer in time"


@dataclass(frozen=True)
class Connections:
    """The ways to the parts of the service; none is used before a call needs it."""

    temporal: Client
    engine: Engine
    """The service's own database."""
    objects: Objects | None = None
    """The object store, for links to files."""
    tenants: TenantDatabase | None = None
    """The database with the organizations' data, for its sizes and samples."""
    task_queue: str = contract.TASK_QUEUE
    webhook_keys: WebhookKeys = field(default_factory=WebhookKeys)
    """The keys from which the secrets of webhook endpoints are derived."""
    console: str | None = None
    """The address of the console, for links to it from the Temporal Web UI."""
    threads: Executor | None = None
    """Where the service's own database is asked, with a thread for each of its connections; None for those of the loop."""


class AreaClient:
    """Base of every area of the facade."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._temporal = connections.temporal

    @property
    def _objects(self) -> Objects:
        """The object store. Raises ObjectStoreNotConfigured."""
        if self._connections.objects is None:
            raise ObjectStoreNotConfigured
        return self._connections.objects

    @property
    def _tenants(self) -> TenantDatabase:
        """The database with the organizations' data. Raises TenantDatabaseNotConfigured."""
        if self._connections.tenants is None:
            raise TenantDatabaseNotConfigured
        return self._connections.tenants

    def _with_link(self, details: str, path: str) -> str:
        """Return the details of a workflow with a link to a page of the console, if there is one."""
        console = self._connections.console
        return f"{details}\n\n[Open it in the console]({console}{path})" if console else details

    async def _read(self, query: Callable[[Session], Result]) -> Result:
        """Return what a query finds.

        Raises:
            DatabaseUnavailable, DatabaseBusy, DatabaseNotMigrated, DatabaseFailed.

        """

        def read(engine: Engine) -> Result:
            with Session(engine) as session:
                return query(session)

        return await self._with_engine(read)

    async def _read_long(self, query: Callable[[Session], Result], *, within: timedelta = LONG_READ) -> Result:
        """Return the same for a query that may take long, which sees one moment, and each of whose statements ends in time.

        Raises as `_read` does.
        """

        def read(engine: Engine) -> Result:
            with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
                milliseconds = round(within / timedelta(milliseconds=1))
                connection.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
                return query(Session(connection))

        return await self._with_engine(read)

    async def _write(self, step: Callable[[Transaction], Result]) -> Result:
        """Run a step in one transaction. Raises as `_read` does, and RecordsConflict."""

        def write(engine: Engine) -> Result:
            with Transaction.begin(engine) as transaction:
                return step(transaction)

        return await self._with_engine(write)

    async def _with_engine(self, work: Callable[[Engine], Result]) -> Result:
        def run() -> Result:
            engine = self._connections.engine
            with refusing_database_errors(engine.url):
                return work(engine)

        # Not the loop's own threads, which are fewer than the connections: a few long reads would take all of them.
        context = copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._connections.threads, context.run, run)

    @asynccontextmanager
    async def _calling(self, *, within: timedelta = CALL_TIMEOUT) -> AsyncIterator[None]:
        """Call Temporal in the block, which needs no worker for its answer.

        Raises:
            NothingThere: there is no such workflow or schedule.
            TemporalUnavailable, TemporalBusy, TemporalDenied, NamespaceUnknown, TemporalFailed, TemporalRefused.

        """
        try:
            async with asyncio.timeout(within.total_seconds()):
                with refusing_temporal_errors(self._temporal):
                    yield
        except TimeoutError:
            raise TemporalUnavailable(self._address, NOT_IN_TIME) from None

    async def _description(
        self, workflow_id: str, *, within: timedelta = CALL_TIMEOUT
    ) -> WorkflowExecutionDescription | None:
        """Return what Temporal knows about the newest run of a workflow; None if it knows none."""
        try:
            async with self._calling(within=within):
                return await self._temporal.get_workflow_handle(workflow_id).describe()
        except NothingThere:
            return None

    async def _description_if_any(self, workflow_id: str) -> WorkflowExecutionDescription | None:
        """Return the same, or None where Temporal does not answer this either."""
        try:
            return await self._description(workflow_id, within=DESCRIBED_WITHIN)
        except Refusal:
            return None

    async def _is_running(self, workflow_id: str) -> bool:
        """Return true unless the newest run of a workflow is known to have ended."""
        description = await self._description_if_any(workflow_id)
        return description is None or is_running(description)

    async def _is_suspended(self, description: WorkflowExecutionDescription | None) -> bool:
        """Return true if a running workflow fails its task again and again.

        Tasks that are lost with their workers do not count: the next worker does them.
        """
        if description is None or not may_be_suspended(description):
            return False
        asked = GetWorkflowExecutionHistoryReverseRequest(
            namespace=self._temporal.namespace,
            execution=WorkflowExecution(workflow_id=description.id, run_id=description.run_id or ""),
            maximum_page_size=NEWEST_EVENTS,
        )
        try:
            async with self._calling(within=DESCRIBED_WITHIN):
                page = await self._temporal.workflow_service.get_workflow_execution_history_reverse(asked)
        except (Refusal, NothingThere):
            return False
        return task_has_failed(page.history.events)

    async def _notify(self, workflow_id: str, signal: str, *message: Any, within: timedelta = CALL_TIMEOUT) -> None:
        """Signal a workflow that may wait for what was recorded; it checks again by itself if it misses the signal."""
        with suppress(NothingThere):
            async with self._calling(within=within):
                await self._temporal.get_workflow_handle(workflow_id).signal(signal, args=message)

    @property
    def _address(self) -> str:
        return self._temporal.service_client.config.target_host

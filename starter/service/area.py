"""Base of the facade's areas: the connections, and reading and writing records."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from temporalio.client import Client

import contract
from activities.messaging.webhook_secrets import WebhookKeys
from records.transaction import Transaction
from starter.service.temporal_calls import TemporalCalls
from storage.objects import Objects, ObjectStoreNotConfigured
from storage.refusals import refusing_database_errors
from storage.tenants.database import TenantDatabase
from storage.tenants.refusals import TenantDatabaseNotConfigured

Result = TypeVar("Result")

LONG_READ = timedelta(minutes=2)
"""The longest time for one statement of a read that may take long: nobody waits for it then, and it would still be read."""


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


class AreaClient(TemporalCalls):
    """Base of every area of the facade."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections.temporal)
        self._connections = connections

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

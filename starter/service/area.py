"""Base of the facade's areas: the connections, and reading and writing records over them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

import contract
from records.transaction import Transaction
from storage.database import refusing_when_unavailable
from storage.objects import Objects, ObjectStoreNotConfigured
from storage.tenants.database import TenantDatabase
from storage.tenants.refusals import TenantDatabaseNotConfigured

Result = TypeVar("Result")


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

    async def _read(self, query: Callable[[Session], Result]) -> Result:
        """Return what a query finds.

        Raises:
            DatabaseUnavailable, DatabaseBusy, DatabaseNotMigrated.

        """

        def read(engine: Engine) -> Result:
            with Session(engine) as session:
                return query(session)

        return await self._with_engine(read)

    async def _write(self, step: Callable[[Transaction], Result]) -> Result:
        """Run a step in one transaction. Raises as `_read` does."""

        def write(engine: Engine) -> Result:
            with Transaction.begin(engine) as transaction:
                return step(transaction)

        return await self._with_engine(write)

    async def _with_engine(self, work: Callable[[Engine], Result]) -> Result:
        def run() -> Result:
            engine = self._connections.engine
            with refusing_when_unavailable(engine.url):
                return work(engine)

        return await asyncio.to_thread(run)

    async def _notify(self, workflow_id: str, signal: str, *message: Any) -> None:
        """Signal a workflow that may wait for what was recorded; it checks again by itself if it misses the signal."""
        try:
            await self._temporal.get_workflow_handle(workflow_id).signal(signal, args=message)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

"""The typed client of on-premises migrations: steering one, seeing how it stands, and links to what was transferred."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

import contract
from domain.cases import CaseRef
from domain.migration import MigrationEnded, MigrationOfAnotherCase, MigrationUnknown, NothingToDownload, transfer_id
from domain.refusals import Refusal
from domain.words import size_in_words
from records import audit
from records.migration.lists import MigrationSummary, migration_of, newest_migration
from records.transaction import Transaction
from starter.service.downloads import FileLink, file_links, work_under_way
from starter.service.updates import UPDATE_TIMEOUT, Reaching
from storage.objects import Objects

TRANSFER_ACTIVITY = "transfer_data"


class MigrationView(BaseModel):
    """How a migration stands, as those who carry it out want to see it."""

    model_config = ConfigDict(frozen=True)

    migration: MigrationSummary
    waiting_for: str = ""
    stage_deadline: datetime | None = None
    undelivered: tuple[str, ...] = ()
    progress: str = ""
    """How far the transfer is, some seconds old; empty unless one is under way."""
    held_up_by: str = ""
    """Why the transfer is being tried again, if it is."""


class MigrationsClient(Reaching):
    """A client of migrations. Every command takes ``request_id``, as those of cancellations do.

    Raises:
        MigrationUnknown: the subscription has no migration.
        ForwardedRefusal: the service refused, with the code of the refusal.
        StillWaiting: no answer yet; the request is kept.

    """

    def __init__(self, temporal: Client, engine: Engine, *, task_queue: str = contract.TASK_QUEUE) -> None:
        super().__init__(temporal, task_queue)
        self._engine = engine

    async def accept(
        self,
        subscription: str,
        *,
        contact: str,
        transfer_at: datetime,
        actor: str,
        request_id: str | None = None,
    ) -> contract.MigrationStatus:
        """Take a request on, with the IT department's address and the time of the transfer.

        A time without an offset is a civil time in the organization's zone.
        """
        message = contract.AcceptMigration(
            actor=actor, cancellation=await self._about(subscription), contact=contact, transfer_at=transfer_at
        )
        return await self._steer(subscription, contract.UPDATE_ACCEPT, message, request_id)

    async def correct(
        self,
        subscription: str,
        *,
        reason: str,
        actor: str,
        contact: str | None = None,
        transfer_at: datetime | None = None,
        transfer_again: bool = False,
        request_id: str | None = None,
    ) -> contract.MigrationStatus:
        """Put right a wrong address, name another time, or have the data transferred again."""
        message = contract.CorrectMigration(
            actor=actor,
            cancellation=await self._about(subscription),
            reason=reason,
            contact=contact,
            transfer_at=transfer_at,
            transfer_again=transfer_again,
        )
        return await self._steer(subscription, contract.UPDATE_CORRECT, message, request_id)

    async def renew_link(
        self, subscription: str, *, actor: str, request_id: str | None = None
    ) -> contract.MigrationStatus:
        """Have a fresh link mailed to the IT department."""
        message = contract.SendMigrationLink(actor=actor, cancellation=await self._about(subscription))
        return await self._steer(subscription, contract.UPDATE_SEND_MIGRATION_LINK, message, request_id)

    async def acknowledge_download(
        self,
        subscription: str,
        *,
        actor: str,
        cancellation: str | None = None,
        transfer: int | None = None,
        request_id: str | None = None,
    ) -> contract.MigrationStatus:
        """Say that the IT department has the data; of the newest case and transfer, unless one is named."""
        known = await asyncio.to_thread(self._newest, subscription)
        message = contract.AcknowledgeMigration(
            actor=actor, cancellation=cancellation or known.cancellation, transfer=transfer or max(known.transfer, 1)
        )
        return await self._steer(subscription, contract.UPDATE_ACKNOWLEDGE_DOWNLOAD, message, request_id)

    async def report_completed(
        self, subscription: str, *, actor: str, request_id: str | None = None
    ) -> contract.MigrationStatus:
        """Report that the data is in use on premises: the cancellation goes on."""
        message = contract.ReportMigrationCompleted(actor=actor, cancellation=await self._about(subscription))
        return await self._steer(subscription, contract.UPDATE_REPORT_COMPLETED, message, request_id)

    async def migration(self, subscription: str) -> MigrationView:
        """Return how the newest migration of a subscription stands: from the records, and live from its workflow."""
        view = MigrationView(migration=await asyncio.to_thread(self._newest, subscription))
        if view.migration.stage.is_final:
            return view
        workflow_id = contract.migration_workflow_id(subscription)
        handle = self._temporal.get_workflow_handle(workflow_id)
        try:
            async with self._refusing_when_unreachable(workflow_id):
                live = await handle.query(contract.QUERY_STATUS, rpc_timeout=UPDATE_TIMEOUT)
                description = await handle.describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return view.model_copy(update={"waiting_for": "an operator: its workflow is not running"})
        if live is not None:
            status = contract.MigrationStatus.model_validate(live)
            shown = {name: getattr(status, name) for name in ("waiting_for", "stage_deadline", "undelivered")}
            view = view.model_copy(update=shown)
        work = await work_under_way(self._temporal, description, TRANSFER_ACTIVITY)
        if work is None:
            return view
        return view.model_copy(update={"progress": _progress(*work.heartbeat), "held_up_by": work.held_up_by})

    async def _about(self, subscription: str) -> str:
        return (await asyncio.to_thread(self._newest, subscription)).cancellation

    def _newest(self, subscription: str) -> MigrationSummary:
        with Session(self._engine) as session:
            found = newest_migration(session, subscription)
        if found is None:
            raise MigrationUnknown(subscription)
        return found

    async def _steer(
        self, subscription: str, name: str, message: contract.AboutMigration, request_id: str | None
    ) -> contract.MigrationStatus:
        workflow_id = contract.migration_workflow_id(subscription)
        handle = self._temporal.get_workflow_handle(workflow_id)
        update_id = f"{name}:{request_id or uuid4()}"
        form = contract.MigrationStatus
        try:
            return await self._outcome(
                workflow_id,
                handle.execute_update(name, message, id=update_id, result_type=form, rpc_timeout=UPDATE_TIMEOUT),
                form,
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        await asyncio.to_thread(self._refuse_after_its_end, subscription, name, message, update_id)
        raise MigrationUnknown(subscription)

    def _refuse_after_its_end(
        self, subscription: str, name: str, message: contract.AboutMigration, update_id: str
    ) -> None:
        """Refuse a request to a migration that is over, and keep the try."""
        with Transaction.begin(self._engine) as transaction:
            found = migration_of(transaction.session, message.cancellation)
            if found is None:
                raise MigrationUnknown(subscription)
            refusal: Refusal = (
                MigrationEnded(found.cancellation, found.stage)
                if found.subscription == subscription
                else MigrationOfAnotherCase(subscription, message.cancellation)
            )
            audit.record(
                transaction,
                f"migration_{name}.refused",
                actor=message.actor,
                at=datetime.now(UTC),
                step=f"{found.cancellation}:{update_id}:refused",
                why=str(refusal),
                subscription=subscription,
                cancellation=found.cancellation,
                after={"code": refusal.code},
            )
        raise refusal


def migration_links(
    engine: Engine, objects: Objects, cancellation: str, *, transfer: int | None = None
) -> list[FileLink]:
    """Return a link to the manifest and one to the dump.

    Args:
        engine: the service's own database.
        objects: the store.
        cancellation: whose migration.
        transfer: which transfer the asker was told of, if it was told of one: its files may be replaced by now.

    Raises:
        MigrationUnknown, NothingToDownload, MigrationOfAnotherCase.

    """
    with Session(engine) as session:
        found = migration_of(session, cancellation)
    if found is None:
        raise MigrationUnknown(CaseRef.parse(cancellation).subject)
    if transfer is not None and transfer != found.transfer:
        raise MigrationOfAnotherCase(transfer_id(cancellation, found.transfer), transfer_id(cancellation, transfer))
    if found.prefix is None:
        raise NothingToDownload(cancellation, found.stage)
    links = file_links(objects, found.prefix)
    if not links:  # erased, when the cancellation was closed
        raise NothingToDownload(cancellation, found.stage)
    return links


def _progress(what: str = "", so_far: int = 0) -> str:
    if what == "bytes":
        return size_in_words(so_far)
    return f"{so_far:,} {what}" if so_far else ""

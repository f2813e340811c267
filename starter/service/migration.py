"""On-premises migrations: commands, status, and links to the transferred files."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

import contract
from domain.migration import MigrationOfAnotherCase, MigrationStage, MigrationUnknown, NothingToDownload, transfer_id
from domain.vocabulary import WAITS_FOR_OPERATOR
from domain.words import size_in_words
from records import late_requests
from records.migration.lists import MigrationSummary, list_migrations, migration_of, newest_migration
from starter.service.case_form import CaseForm
from starter.service.case_refusals import CancellationSuspended, StillWaiting
from starter.service.descriptions import reasons_held_up
from starter.service.downloads import FileLink, file_links, work_under_way
from starter.service.files import FileCaseClient
from starter.service.receipts import StatedReceipt
from starter.service.updates import waits_for

TRANSFER_ACTIVITY = "transfer_data"


class MigrationView(BaseModel):
    """The state of a migration as support queues read it."""

    model_config = ConfigDict(frozen=True)

    migration: MigrationSummary
    waiting_for: str = ""
    stage_deadline: datetime | None = None
    undelivered: tuple[str, ...] = ()
    progress: str = ""
    """The progress of the transfer, some seconds old; empty unless one is under way."""
    held_up_by: str = ""
    """Why the migration does not progress, if something is being tried again."""


def _newest_id(session: Session, subscription: str) -> str | None:
    found = newest_migration(session, subscription)
    return None if found is None else found.cancellation


class MigrationClient(FileCaseClient[contract.MigrationStatus]):
    """The area of migrations.

    Commands go to the workflow; `list` and `get` come from the records, which also answer requests after the end of a
    case; `status` from both; `links` from the records and the object store. ``request_id`` and errors: see
    `starter.service.offramp.Offramp`; besides, every command raises MigrationUnknown where the subscription has no
    migration.
    """

    _form = CaseForm(
        contract.MigrationStatus, contract.migration_workflow_id, _newest_id, late_requests.refuse_of_migration
    )

    async def accept(
        self,
        subscription: str,
        *,
        contact: str,
        transfer_at: datetime,
        actor: str,
        cancellation: str | None = None,
        request_id: str | None = None,
    ) -> contract.MigrationStatus:
        """Accept a request, with the IT department's address and the time of the transfer.

        A time without an offset is a civil time in the organization's zone.
        """
        about = cancellation or await self._about(subscription)
        with contract.refusing_malformed():
            message = contract.AcceptMigration(
                actor=actor,
                cancellation=about,
                contact=contact,
                transfer_at=transfer_at,
            )
        return await self._update(
            subscription, contract.UPDATE_ACCEPT, message, request_id, names_newest=cancellation is None
        )

    async def correct(
        self,
        subscription: str,
        *,
        reason: str,
        actor: str,
        contact: str | None = None,
        transfer_at: datetime | None = None,
        transfer_again: bool = False,
        cancellation: str | None = None,
        request_id: str | None = None,
    ) -> contract.MigrationStatus:
        """Correct the address or the time, or have the data transferred again."""
        about = cancellation or await self._about(subscription)
        with contract.refusing_malformed():
            message = contract.CorrectMigration(
                actor=actor,
                cancellation=about,
                reason=reason,
                contact=contact,
                transfer_at=transfer_at,
                transfer_again=transfer_again,
            )
        return await self._update(
            subscription, contract.UPDATE_CORRECT, message, request_id, names_newest=cancellation is None
        )

    async def renew_link(
        self,
        subscription: str,
        *,
        actor: str,
        cancellation: str | None = None,
        transfer: int | None = None,
        request_id: str | None = None,
    ) -> contract.MigrationStatus:
        """Have a fresh link mailed to the IT department; to a transfer that is named only while it is the present one."""
        about = cancellation or await self._about(subscription)
        with contract.refusing_malformed():
            message = contract.SendMigrationLink(actor=actor, cancellation=about, transfer=transfer)
        return await self._update(
            subscription, contract.UPDATE_SEND_MIGRATION_LINK, message, request_id, names_newest=cancellation is None
        )

    async def acknowledge_download(
        self,
        subscription: str,
        *,
        actor: str,
        receipt: StatedReceipt | None = None,
        cancellation: str | None = None,
        transfer: int | None = None,
        request_id: str | None = None,
    ) -> contract.MigrationStatus:
        """Acknowledge that the IT department has the data; of the newest case and transfer, unless one is named."""
        known = await self._read(lambda session: _newest(session, subscription))
        received = await self._receipt_fields(receipt, lambda _: known.time_zone)
        with contract.refusing_malformed():
            message = contract.AcknowledgeMigration(
                actor=actor,
                cancellation=cancellation or known.cancellation,
                transfer=transfer or max(known.transfer, 1),
                **received,
            )
        return await self._update(
            subscription, contract.UPDATE_ACKNOWLEDGE_DOWNLOAD, message, request_id, names_newest=cancellation is None
        )

    async def report_completed(
        self, subscription: str, *, actor: str, cancellation: str | None = None, request_id: str | None = None
    ) -> contract.MigrationStatus:
        """Report that the data is in use on premises: the cancellation continues."""
        about = cancellation or await self._about(subscription)
        with contract.refusing_malformed():
            message = contract.ReportMigrationCompleted(actor=actor, cancellation=about)
        return await self._update(
            subscription, contract.UPDATE_REPORT_COMPLETED, message, request_id, names_newest=cancellation is None
        )

    async def status(self, subscription: str) -> MigrationView:
        """Return the state of a subscription's newest migration: from the records, and live while its workflow runs.

        Raises:
            MigrationUnknown.

        """
        view = MigrationView(migration=await self._read(lambda session: _newest(session, subscription)))
        if view.migration.stage.is_final:
            return view
        try:
            live = await self._live(subscription)
        except (CancellationSuspended, StillWaiting) as silent:
            return view.model_copy(update={"waiting_for": waits_for(silent), "held_up_by": silent.message})
        if live is None:
            return view.model_copy(update={"waiting_for": WAITS_FOR_OPERATOR})
        shown = {name: getattr(live, name) for name in ("waiting_for", "stage_deadline", "undelivered")}
        description = await self._description_if_any(self._form.workflow_id(subscription))
        work = await work_under_way(self._temporal.data_converter, description, TRANSFER_ACTIVITY)
        reasons = " ".join(filter(None, (live.held_up_because, reasons_held_up(description))))
        return view.model_copy(
            update=shown | {"progress": _progress(*work.heartbeat) if work else "", "held_up_by": reasons}
        )

    async def list(
        self,
        *,
        cancellations: Collection[str] | None = None,
        stage: MigrationStage | None = None,
        queue: str | None = None,
        organizations: Collection[str] | None = None,
        limit: int = 100,
    ) -> Sequence[MigrationSummary]:
        """Return migrations, newest request first: those of ``cancellations`` alone, if these are given.

        ``organizations`` are those of which whoever asks may see something.
        """
        return await self._read(
            lambda session: list_migrations(
                session,
                cancellations=cancellations,
                stage=stage,
                queue=queue,
                organizations=organizations,
                limit=limit,
            )
        )

    async def get(self, cancellation: str) -> MigrationSummary:
        """Return the migration of one cancellation, as recorded. Raises MigrationUnknown."""
        return await self._read(lambda session: _named(session, cancellation))

    async def links(
        self, subscription: str, *, cancellation: str | None = None, transfer: int | None = None
    ) -> Sequence[FileLink]:
        """Return a link to the manifest and one to the dump.

        Args:
            subscription: the subscription of the migration.
            cancellation: the cancellation that the migration is part of; the newest, unless one is named.
            transfer: the transfer that the caller was notified of, if any: its files may have been replaced by now.

        Raises:
            MigrationUnknown, NothingToDownload, MigrationOfAnotherCase, ObjectStoreNotConfigured.

        """
        migration = await self.get(cancellation or await self._about(subscription))
        if transfer is not None and transfer != migration.transfer:
            known = transfer_id(migration.cancellation, migration.transfer)
            raise MigrationOfAnotherCase(known, transfer_id(migration.cancellation, transfer))
        if migration.prefix is not None:
            links = await asyncio.to_thread(file_links, self._objects, migration.prefix)
            if links:  # none are left when they were erased, as the cancellation was closed
                return links
        raise NothingToDownload(migration.cancellation, migration.stage)

    async def _about(self, subscription: str) -> str:
        return (await self._read(lambda session: _newest(session, subscription))).cancellation


def _newest(session: Session, subscription: str) -> MigrationSummary:
    found = newest_migration(session, subscription)
    if found is None:
        raise MigrationUnknown(subscription)
    return found


def _named(session: Session, cancellation: str) -> MigrationSummary:
    found = migration_of(session, cancellation)
    if found is None:
        raise MigrationUnknown(cancellation.rpartition("/")[0])
    return found


def _progress(what: str = "", so_far: int = 0) -> str:
    if what == "bytes":
        return size_in_words(so_far)
    return f"{so_far:,} {what}" if so_far else ""

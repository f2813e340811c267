"""Exports of an organization's data: their progress, links to their files, and the acknowledgement of the download."""

import asyncio
from collections.abc import Sequence
from functools import partial

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

import contract
from activities.export import ExportProgress
from domain.cases import CaseKind
from domain.export.manifest import MANIFEST_NAME
from domain.export.requests import ExportErased, ExportFilesMissing, NoExport
from records import late_requests
from records.cancellation.lists import newest_cancellation, time_zone_of
from records.cases import newest_id
from records.export import DescribedExport, ExportState, described_export, export_of
from starter.service.case_form import CaseForm
from starter.service.case_refusals import CancellationSuspended
from starter.service.downloads import FileLink, file_links, work_under_way
from starter.service.files import FileCaseClient
from starter.service.receipts import StatedReceipt

EXPORT_ACTIVITY = "export_data"


class ExportView(BaseModel):
    """The state of an export as people read it."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    time_zone: str
    """The organization's zone, in which people read the instants, which are UTC."""
    state: ExportState | None
    progress: ExportProgress | None = None
    """The progress of the present attempt, a second or two old; None unless one is under way."""
    attempt: int | None = None
    held_up_by: str | None = None
    """Why the last attempt failed, if one is being tried again, or why its cancellation is suspended."""
    is_taken_over: bool = False
    """True if the last attempt was lost with its worker: another one begins at once, and nothing is blocked."""


class ExportClient(FileCaseClient[contract.CancellationStatus]):
    """The area of exports, which are part of a cancellation.

    Commands go to the cancellation's workflow; `describe` comes from the records, which also answer requests after the
    end; `status` comes from both; `links` from the records and the object store. ``request_id`` and errors: see
    `starter.service.offramp.Offramp`; besides, every method raises CancellationUnknown or NoExport.
    """

    _form = CaseForm(
        contract.CancellationStatus,
        contract.cancellation_workflow_id,
        partial(newest_id, kind=CaseKind.SUBSCRIPTION),
        late_requests.refuse_of_cancellation,
    )

    async def acknowledge(
        self,
        subscription: str,
        *,
        actor: str,
        receipt: StatedReceipt | None = None,
        export: str | None = None,
        request_id: str | None = None,
    ) -> contract.CancellationStatus:
        """Acknowledge that an export was downloaded: from now on it may be erased.

        ``export`` is the cancellation whose export it is; the newest, unless one is named.
        """
        named = export or await self._newest(subscription)
        received = await self._receipt_fields(receipt, lambda session: time_zone_of(session, subscription))
        with contract.refusing_malformed():
            message = contract.AcknowledgeExport(actor=actor, export=named, **received)
        return await self._update(
            subscription, contract.UPDATE_ACKNOWLEDGE_EXPORT, message, request_id, names_newest=export is None
        )

    async def renew_link(
        self, subscription: str, *, actor: str, export: str | None = None, request_id: str | None = None
    ) -> contract.CancellationStatus:
        """Have a fresh link to an export mailed to the billing administrator on record; ``export`` as in `acknowledge`."""
        named = export or await self._newest(subscription)
        with contract.refusing_malformed():
            message = contract.RenewExportLink(actor=actor, export=named)
        return await self._update(
            subscription, contract.UPDATE_RENEW_EXPORT_LINK, message, request_id, names_newest=export is None
        )

    async def status(self, subscription: str) -> ExportView:
        """Return the state of the newest cancellation's export: from the records, and live while it is under way."""

        def recorded(session: Session) -> ExportView:
            case = newest_cancellation(session, subscription)
            zone = time_zone_of(session, subscription)
            return ExportView(cancellation=case, time_zone=zone, state=export_of(session, case))

        view = await self._read(recorded)
        description = await self._description(self._form.workflow_id(subscription))
        if await self._is_suspended(description):
            suspended = CancellationSuspended(self._form.workflow_id(subscription))
            return view.model_copy(update={"held_up_by": suspended.message})
        work = await work_under_way(self._temporal.data_converter, description, EXPORT_ACTIVITY, ExportProgress)
        if work is None:
            return view
        return view.model_copy(
            update={
                "progress": next(iter(work.heartbeat), None),
                "attempt": work.attempt,
                "held_up_by": work.held_up_by or None,
                "is_taken_over": work.is_taken_over,
            }
        )

    async def describe(self, export: str) -> DescribedExport:
        """Return the contents of the finished export of a cancellation, as recorded. Raises NoExport."""
        return await self._read(lambda session: described_export(session, export))

    async def links(self, subscription: str, *, export: str | None = None) -> Sequence[FileLink]:
        """Return a link to each file of a finished export, the manifest first; ``export`` as in `acknowledge`.

        Raises:
            NoExport, ExportErased, ExportFilesMissing, ObjectStoreNotConfigured.

        """
        named = export or await self._newest(subscription)
        state = await self._read(lambda session: export_of(session, named))
        if state is None or state.summary is None:
            raise NoExport(named)
        if state.is_gone:
            raise ExportErased(named)
        files = await asyncio.to_thread(file_links, self._objects, state.summary.prefix)
        in_files = sum(file.bytes for file in files if file.name != MANIFEST_NAME)
        if not any(file.name == MANIFEST_NAME for file in files) or in_files != state.summary.bytes:
            raise ExportFilesMissing(named, state.summary.prefix)
        return files

    async def _newest(self, subscription: str) -> str:
        return await self._read(lambda session: newest_cancellation(session, subscription))

"""The typed client of exports: how far one is, and links to its files."""

import asyncio

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

import contract
from activities.export import ExportProgress
from domain.cancellation.lifecycle import CancellationUnknown
from domain.export.manifest import MANIFEST_NAME
from domain.export.requests import ExportErased, ExportFilesMissing, NoExport
from records.cancellation.locked_case import newest_case, organization_of
from records.export import ExportState, export_of
from starter.service.downloads import FileLink, file_links, work_under_way
from storage.objects import Objects

EXPORT_ACTIVITY = "export_data"


class ExportView(BaseModel):
    """How an export stands, as a person wants to see it."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    time_zone: str
    """The organization's, in which a person wants to read the instants, which are UTC."""
    state: ExportState | None
    progress: ExportProgress | None = None
    """How far the present attempt is, a second or two old; None unless one is under way."""
    attempt: int | None = None
    held_up_by: str | None = None
    """Why the last attempt failed, if one is being tried again."""


class ExportsClient:
    """A client of exports."""

    def __init__(self, temporal: Client, engine: Engine) -> None:
        self._temporal = temporal
        self._engine = engine

    async def show(self, subscription: str) -> ExportView:
        """Return how the export of the newest cancellation stands. Raises CancellationUnknown."""
        view = await asyncio.to_thread(self._recorded, subscription)
        handle = self._temporal.get_workflow_handle(contract.cancellation_workflow_id(subscription))
        try:
            description = await handle.describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return view
        work = await work_under_way(self._temporal, description, EXPORT_ACTIVITY, ExportProgress)
        if work is None:
            return view
        return view.model_copy(
            update={
                "progress": next(iter(work.heartbeat), None),
                "attempt": work.attempt,
                "held_up_by": work.held_up_by or None,
            }
        )

    def _recorded(self, subscription: str) -> ExportView:
        with Session(self._engine) as session:
            case = newest_case(session, subscription)
            if case is None:
                raise CancellationUnknown(subscription)
            zone = organization_of(session, case).time_zone
            return ExportView(cancellation=case.id, time_zone=zone, state=export_of(session, case.id))


def export_links(engine: Engine, objects: Objects, cancellation: str) -> list[FileLink]:
    """Return a link to each file of a finished export, the manifest first.

    Raises:
        NoExport, ExportErased, ExportFilesMissing.

    """
    with Session(engine) as session:
        state = export_of(session, cancellation)
    if state is None or state.summary is None:
        raise NoExport(cancellation)
    if state.is_gone:
        raise ExportErased(cancellation)
    files = file_links(objects, state.summary.prefix)
    in_files = sum(file.bytes for file in files if file.name != MANIFEST_NAME)
    if not any(file.name == MANIFEST_NAME for file in files) or in_files != state.summary.bytes:
        raise ExportFilesMissing(cancellation, state.summary.prefix)
    return files

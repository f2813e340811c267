"""The typed client of exports: how far one is, links to its files, and a copy of them all."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.service import RPCError, RPCStatusCode

from activities.exporting import ExportProgress
from domain.export_manifest import MANIFEST_NAME
from domain.exports import ExportErased, ExportFilesMissing, NoExport
from domain.lifecycle import CancellationUnknown
from storage.cases import newest_case, organization_of
from storage.exports import ExportState, export_of
from storage.objects import Objects
from workflows import contract

EXPORT_ACTIVITY = "export_data"

LINK_LIFETIME = timedelta(minutes=15)
"""How long a link to a file works: it is made when it is needed."""

_CHUNK_BYTES = 1 << 18


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


class FileLink(BaseModel):
    """A file of an export, and the link that leads to it for `LINK_LIFETIME`."""

    model_config = ConfigDict(frozen=True)

    name: str
    bytes: int
    link: str


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
        return await self._with_progress(view, description)

    async def _with_progress(self, view: ExportView, description: WorkflowExecutionDescription) -> ExportView:
        for pending in description.raw_description.pending_activities:
            if pending.activity_type.name != EXPORT_ACTIVITY:
                continue
            progress = None
            if pending.heartbeat_details.payloads:
                decoded = await self._temporal.data_converter.decode(
                    pending.heartbeat_details.payloads[:1], [ExportProgress]
                )
                progress = decoded[0]
            return view.model_copy(
                update={
                    "progress": progress,
                    "attempt": pending.attempt,
                    "held_up_by": pending.last_failure.message or None,
                }
            )
        return view

    def _recorded(self, subscription: str) -> ExportView:
        with Session(self._engine) as session:
            case = newest_case(session, subscription)
            if case is None:
                raise CancellationUnknown(subscription)
            zone = organization_of(session, case).time_zone
            return ExportView(cancellation=case.id, time_zone=zone, state=export_of(session, case.id))


def file_links(engine: Engine, objects: Objects, cancellation: str) -> list[FileLink]:
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
    prefix = state.summary.prefix
    manifest = f"{prefix}{MANIFEST_NAME}"
    found = sorted(objects.list(prefix), key=lambda item: (item.key != manifest, item.key))
    in_files = sum(item.size for item in found if item.key != manifest)
    if not found or found[0].key != manifest or in_files != state.summary.bytes:
        raise ExportFilesMissing(cancellation, prefix)
    return [
        FileLink(
            name=(name := item.key.removeprefix(prefix)),
            bytes=item.size,
            link=objects.signed_link(item.key, expires_in=LINK_LIFETIME, file_name=name),
        )
        for item in found
    ]


def download(files: list[FileLink], directory: Path, watch: Callable[[str, int], None]) -> None:
    """Fetch files into a directory through their links; ``watch`` hears of each piece: the file and its bytes."""
    directory.mkdir(parents=True, exist_ok=True)
    with httpx.Client(timeout=60.0) as client:
        for file in files:
            with client.stream("GET", file.link) as answer, (directory / file.name).open("wb") as target:
                answer.raise_for_status()
                for chunk in answer.iter_bytes(_CHUNK_BYTES):
                    target.write(chunk)
                    watch(file.name, len(chunk))

"""The page to which the mail about an export leads: fetch the files, and say that they are there."""

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from activities.messaging.links import LinkTarget
from domain.export.requests import ExportErased, NoExport
from domain.words import FOR_CUSTOMERS
from records.cancellation.locked_case import organization_of
from records.export import export_of
from starter.pages.downloads import (
    DOWNLOADED,
    FETCH_SOON,
    DownloadPages,
    cancellation_id,
    shown,
    subscription_of,
)
from starter.pages.page import Button, Page
from starter.service.cancellation import Offramp
from starter.service.downloads import FileLink
from starter.service.export import export_links
from storage.objects import Objects
from storage.tables import CancellationRow

BY_LINK = "billing administrator, by link"
"""Who acts, for the audit trail: whoever has the link that was mailed to the address on record."""


class ExportPages(DownloadPages):
    """What the billing administrator sees and does with a link to an export."""

    recipient = "the address on record"
    thanks = "Thank you. We have noted that you have the files."

    def __init__(self, engine: Engine, service: Offramp, objects: Objects) -> None:
        self._engine = engine
        self._service = service
        self._objects = objects

    async def _renew(self, target: LinkTarget, *, request_id: str) -> None:
        export = cancellation_id(target.subject)
        await self._service.renew_export_link(subscription_of(export), export, actor=BY_LINK, request_id=request_id)

    async def _acknowledge(self, target: LinkTarget) -> None:
        export = cancellation_id(target.subject)
        await self._service.acknowledge_export(subscription_of(export), export, actor=BY_LINK, request_id="link")

    def _files(self, target: LinkTarget) -> list[FileLink]:
        return export_links(self._engine, self._objects, cancellation_id(target.subject))

    def _page(self, target: LinkTarget, done: str) -> Page:
        with Session(self._engine) as session:
            case = session.get(CancellationRow, target.subject)
            state = export_of(session, target.subject)
            if case is None or state is None or state.summary is None:
                raise NoExport(target.subject)
            organization = organization_of(session, case)
            zone = organization.time_zone
        if state.acknowledged_at is not None and not done:
            done = f"We noted on {FOR_CUSTOMERS.instant(state.acknowledged_at, zone)} that you have the files."
        try:
            files = self._files(target)
        except ExportErased:
            if state.acknowledged_at is None:
                raise
            # The acknowledgement may be what the erasure waited for: then it has begun by now.
            return Page(
                title="Your data", done=done, sentences=["They are erased here: nothing can be downloaded any more."]
            )
        return Page(
            title="Your data",
            done=done,
            sentences=[
                f"All tables of {organization.unique_name}, as they stood at one moment: each as text (CSV, compressed), "
                "complete and exact, and as a workbook for Excel. manifest.json lists them with their sums.",
            ],
            facts=[
                ("Case", target.subject),
                ("Tables", f"{state.summary.tables:,}"),
                ("Rows", f"{state.summary.rows:,}"),
                ("This link works until", FOR_CUSTOMERS.instant(target.expires, zone)),
            ],
            files=shown(files),
            buttons=[] if state.acknowledged_at else [Button(DOWNLOADED, "I have downloaded the files")],
            small_print=[
                "Please check that you can open the files before you say so: when the time for changing your mind is over, "
                "we erase the data, and not before you have said it.",
                FETCH_SOON,
            ],
        )

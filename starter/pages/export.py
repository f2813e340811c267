"""The page to which the mail about an export leads: fetch the files, and acknowledge the download."""

from collections.abc import Sequence
from datetime import datetime

from activities.messaging.links import Links, LinkTarget
from domain.actors import EXPORT_LINK
from domain.export.requests import ExportErased
from domain.words import FOR_CUSTOMERS
from starter.pages.downloads import (
    DOWNLOADED,
    FETCH_SOON,
    DownloadPages,
    by_link,
    cancellation_id,
    shown,
    subscription_of,
)
from starter.pages.page import Button, Page
from starter.service.downloads import FileLink
from starter.service.export import ExportClient


class ExportPages(DownloadPages):
    """The pages behind a link to an export, for the billing administrator."""

    recipient = "the address on record"
    thanks = "Thank you. We have noted that you have the files."
    allows = "When the time for changing your mind is over, we erase the data here; after that nobody can restore it."

    def __init__(self, exports: ExportClient, links: Links) -> None:
        super().__init__(links)
        self._exports = exports

    async def _renew(self, target: LinkTarget, *, request_id: str) -> None:
        export = cancellation_id(target.subject)
        await self._exports.renew_link(
            subscription_of(export), export=export, actor=EXPORT_LINK, request_id=by_link(export, request_id)
        )

    async def _acknowledge(self, target: LinkTarget) -> None:
        export = cancellation_id(target.subject)
        await self._exports.acknowledge(
            subscription_of(export), export=export, actor=EXPORT_LINK, request_id=by_link(export, "acknowledged")
        )

    async def _newest_link(self, target: LinkTarget) -> tuple[datetime | None, str | None]:
        export = await self._exports.describe(cancellation_id(target.subject))
        return export.state.link_expires_at, export.administrator

    async def _record_fetch(self, target: LinkTarget, name: str) -> None:
        await self._exports.record_fetch(target.subject, name, link_until=target.expires, actor=EXPORT_LINK)

    async def _files(self, target: LinkTarget) -> Sequence[FileLink]:
        export = cancellation_id(target.subject)
        return await self._exports.links(subscription_of(export), export=export)

    async def _page(self, target: LinkTarget, done: str) -> Page:
        export = await self._exports.describe(target.subject)
        state, summary, zone = export.state, export.summary, export.time_zone
        if state.acknowledged_at is not None and not done:
            done = f"We noted on {FOR_CUSTOMERS.instant(state.acknowledged_at, zone)} that you have the files."
        try:
            files = await self._files(target)
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
                f"All tables of {export.organization_name}, as they stood at one moment: each as text (CSV, compressed), "
                "complete and exact, and as a workbook for Excel. manifest.json lists them with their sums.",
            ],
            facts=[
                ("Case", target.subject),
                ("Tables", f"{summary.tables:,}"),
                ("Rows", f"{summary.rows:,}"),
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

"""The page to which the mail about an export leads: fetch the files, and say that they are there."""

import asyncio

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from activities.links import LinkTarget
from domain.civil_time import instant_in_words
from domain.exports import NoExport
from starter.client import Offramp
from starter.exports import LINK_LIFETIME, file_links
from starter.pages.page import Button, File, NothingThere, Page
from storage.cases import organization_of
from storage.exports import export_of
from storage.objects import Objects
from storage.tables import CancellationRow

BY_LINK = "billing administrator, by link"
"""Who acts, for the audit trail: whoever has the link that was mailed to the address on record."""

DOWNLOADED = "downloaded"
FRESH_LINK = "fresh-link"


class ExportPages:
    """What a person sees and does with a link to an export."""

    def __init__(self, engine: Engine, service: Offramp, objects: Objects) -> None:
        self._engine = engine
        self._service = service
        self._objects = objects

    async def show(self, target: LinkTarget, *, done: str = "") -> Page:
        """The files, and the button that says that they are downloaded."""
        return await asyncio.to_thread(self._page, target, done)

    async def expired(self, target: LinkTarget) -> Page:
        """What a link leads to after its time: a fresh one is mailed to the address on record, and shown to nobody."""
        return Page(
            title="This link has expired",
            sentences=[
                f"It could be used until {instant_in_words(target.expires, 'UTC')}.",
                "We can send a fresh one to the address to which this one was sent.",
            ],
            buttons=[Button(FRESH_LINK, "Mail me a fresh link")],
            status=410,
        )

    async def renew(self, target: LinkTarget) -> Page:
        """Mail a fresh link. Said twice of one link, it mails one."""
        await self._service.renew_export_link(
            _subscription(target), target.subject, actor=BY_LINK, request_id=f"link-{target.expires.timestamp():.0f}"
        )
        return Page(
            title="A fresh link is on its way", sentences=["It goes to the address on record, in a minute or so."]
        )

    async def acknowledge(self, target: LinkTarget) -> Page:
        """Keep that the files are downloaded."""
        await self._service.acknowledge_export(_subscription(target), target.subject, actor=BY_LINK, request_id="link")
        return await self.show(target, done="Thank you. We have noted that you have the files.")

    async def file(self, target: LinkTarget, name: str) -> str:
        """Return a link to a file that works for `LINK_LIFETIME`. Raises NothingThere."""
        found = await asyncio.to_thread(file_links, self._engine, self._objects, target.subject)
        for file in found:
            if file.name == name:
                return file.link
        raise NothingThere

    def _page(self, target: LinkTarget, done: str) -> Page:
        with Session(self._engine) as session:
            case = session.get(CancellationRow, target.subject)
            state = export_of(session, target.subject)
            if case is None or state is None or state.summary is None:
                raise NoExport(target.subject)
            organization = organization_of(session, case)
            zone = organization.time_zone
        if state.acknowledged_at is not None and not done:
            done = f"We noted on {instant_in_words(state.acknowledged_at, zone)} that you have the files."
        if state.acknowledged_at is not None and state.is_gone:
            return Page(
                title="Your data", done=done, sentences=["They are erased here: nothing can be downloaded any more."]
            )
        files = file_links(self._engine, self._objects, target.subject)
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
                ("This link works until", instant_in_words(target.expires, zone)),
            ],
            files=[File(file.name, file.bytes, f"files/{file.name}") for file in files],
            buttons=[] if state.acknowledged_at else [Button(DOWNLOADED, "I have downloaded the files")],
            small_print=[
                "Please check that you can open the files before you say so: when the time for changing your mind is over, "
                "we erase the data, and not before you have said it.",
                f"A file's own address works for {LINK_LIFETIME.total_seconds() / 60:.0f} minutes after you click it.",
            ],
        )


def _subscription(target: LinkTarget) -> str:
    return target.subject.rpartition("/")[0]

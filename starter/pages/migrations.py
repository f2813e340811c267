"""The page to which the mail about a migration leads: the IT department fetches the dump, and says that it is there."""

import asyncio

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from activities.links import LinkTarget
from domain.civil_time import instant_in_words
from domain.migration import MigrationOfAnotherCase, MigrationStage, MigrationUnknown, transfer_id
from starter.migrations import LINK_LIFETIME, MigrationsClient, migration_links
from starter.pages.exports import DOWNLOADED, FRESH_LINK
from starter.pages.page import Button, File, NothingThere, Page
from storage.migrations_overview import MigrationSummary, migration_of
from storage.objects import Objects

BY_LINK = "IT department, by link"
"""Who acts, for the audit trail: whoever has the link that was mailed to the contact that the queue named."""


class MigrationPages:
    """What a person sees and does with a link to a transfer."""

    def __init__(self, engine: Engine, service: MigrationsClient, objects: Objects) -> None:
        self._engine = engine
        self._service = service
        self._objects = objects

    async def show(self, target: LinkTarget, *, done: str = "") -> Page:
        """The dump with its manifest, and the button that says that they are downloaded."""
        return await asyncio.to_thread(self._page, target, done)

    async def expired(self, target: LinkTarget) -> Page:
        """What a link leads to after its time: a fresh one is mailed to the contact, and shown to nobody."""
        return Page(
            title="This link has expired",
            sentences=[
                f"It could be used until {instant_in_words(target.expires, 'UTC')}.",
                "We can send a fresh one to the address of the IT department.",
            ],
            buttons=[Button(FRESH_LINK, "Mail me a fresh link")],
            status=410,
        )

    async def renew(self, target: LinkTarget) -> Page:
        """Mail a fresh link. Said twice of one link, it mails one."""
        cancellation, _ = _transfer(target)
        await self._service.renew_link(
            _subscription(cancellation), actor=BY_LINK, request_id=f"link-{target.expires.timestamp():.0f}"
        )
        return Page(
            title="A fresh link is on its way",
            sentences=["It goes to the address of the IT department, in a minute or so."],
        )

    async def acknowledge(self, target: LinkTarget) -> Page:
        """Keep that the dump is downloaded: this transfer, and no other."""
        cancellation, transfer = _transfer(target)
        await self._service.acknowledge_download(
            _subscription(cancellation),
            actor=BY_LINK,
            cancellation=cancellation,
            transfer=transfer,
            request_id=f"link-{transfer}",
        )
        return await self.show(target, done="Thank you. We have noted that you have the data.")

    async def file(self, target: LinkTarget, name: str) -> str:
        """Return a link to a file that works for `LINK_LIFETIME`. Raises NothingThere."""
        cancellation, transfer = _transfer(target)
        found = await asyncio.to_thread(migration_links, self._engine, self._objects, cancellation, transfer=transfer)
        for file in found:
            if file.name == name:
                return file.link
        raise NothingThere

    def _page(self, target: LinkTarget, done: str) -> Page:
        migration = self._migration(target)
        files = migration_links(self._engine, self._objects, migration.cancellation, transfer=migration.transfer)
        waits = migration.stage is MigrationStage.AVAILABLE
        if not waits and not done:
            done = "We have noted that you have the data."
        return Page(
            title="The data of your organization",
            done=done,
            sentences=[
                "A dump of PostgreSQL with everything in the organization's schema, as it stood at one moment. Restore it "
                "into an empty database with pg_restore; manifest.json says how, and how many rows each table has.",
            ],
            facts=[
                ("Migration", f"{migration.cancellation}, transfer {migration.transfer}"),
                ("Tables", f"{migration.tables:,}"),
                ("Rows", f"{migration.rows:,}"),
                ("SHA-256", str(migration.sha256)),
                ("This link works until", instant_in_words(target.expires, migration.time_zone)),
            ],
            files=[File(file.name, file.bytes, f"files/{file.name}") for file in files],
            buttons=[Button(DOWNLOADED, "We have downloaded the data")] if waits else [],
            small_print=[
                "Please check the sum and restore the dump before you say so: the subscription is cancelled afterwards.",
                f"A file's own address works for {LINK_LIFETIME.total_seconds() / 60:.0f} minutes after you click it.",
            ],
        )

    def _migration(self, target: LinkTarget) -> MigrationSummary:
        cancellation, transfer = _transfer(target)
        with Session(self._engine) as session:
            found = migration_of(session, cancellation)
        if found is None:
            raise MigrationUnknown(_subscription(cancellation))
        if found.transfer != transfer:
            raise MigrationOfAnotherCase(transfer_id(cancellation, found.transfer), target.subject)
        return found


def _transfer(target: LinkTarget) -> tuple[str, int]:
    cancellation, _, transfer = target.subject.rpartition("/")
    return cancellation, int(transfer)


def _subscription(cancellation: str) -> str:
    return cancellation.rpartition("/")[0]

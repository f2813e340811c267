"""The page to which the mail about a migration leads, where the IT department fetches and acknowledges the dump."""

import re
from collections.abc import Sequence
from datetime import datetime

from activities.messaging.links import Links, LinkTampered, LinkTarget
from domain.actors import MIGRATION_LINK
from domain.migration import MigrationOfAnotherCase, MigrationStage, transfer_id
from domain.words import FOR_CUSTOMERS
from records.migration.lists import MigrationSummary
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
from starter.service.migration import MigrationClient

_SAID = frozenset({MigrationStage.DOWNLOADED, MigrationStage.COMPLETED})
_TRANSFER = re.compile(r"[1-9][0-9]{0,8}")


class MigrationPages(DownloadPages):
    """The pages behind a link to a transfer, for the IT department."""

    recipient = "the address of the IT department"
    thanks = "Thank you. We have noted that you have the data."
    allows = "The migration is then reported complete, and the subscription is cancelled here."

    def __init__(self, migrations: MigrationClient, links: Links) -> None:
        super().__init__(links)
        self._migrations = migrations

    async def _renew(self, target: LinkTarget, *, request_id: str) -> None:
        cancellation, transfer = _transfer(target)
        await self._migrations.renew_link(
            subscription_of(cancellation),
            actor=MIGRATION_LINK,
            cancellation=cancellation,
            transfer=transfer,
            request_id=by_link(cancellation, request_id),
        )

    async def _acknowledge(self, target: LinkTarget) -> None:
        """Acknowledge this transfer and no other; a repetition of what the queue has already reported succeeds silently."""
        cancellation, transfer = _transfer(target)
        known = await self._migrations.get(cancellation)
        if known.transfer == transfer and known.stage in _SAID:
            return
        await self._migrations.acknowledge_download(
            subscription_of(cancellation),
            actor=MIGRATION_LINK,
            cancellation=cancellation,
            transfer=transfer,
            request_id=by_link(cancellation, f"transfer-{transfer}"),
        )

    async def _newest_link(self, target: LinkTarget) -> tuple[datetime | None, str | None]:
        cancellation, transfer = _transfer(target)
        migration = await self._migrations.get(cancellation)
        return (migration.link_expires_at, migration.contact) if migration.transfer == transfer else (None, None)

    async def _record_fetch(self, target: LinkTarget, name: str) -> None:
        cancellation, _ = _transfer(target)
        await self._migrations.record_fetch(cancellation, name, link_until=target.expires, actor=MIGRATION_LINK)

    async def _files(self, target: LinkTarget) -> Sequence[FileLink]:
        cancellation, transfer = _transfer(target)
        subscription = subscription_of(cancellation)
        return await self._migrations.links(subscription, cancellation=cancellation, transfer=transfer)

    async def _page(self, target: LinkTarget, done: str) -> Page:
        migration = await self._migration(target)
        files = await self._files(target)
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
                ("This link works until", FOR_CUSTOMERS.instant(target.expires, migration.time_zone)),
            ],
            files=shown(files),
            buttons=[Button(DOWNLOADED, "We have downloaded the data")] if waits else [],
            small_print=[
                "Please check the sum and restore the dump before you say so: the subscription is cancelled afterwards.",
                FETCH_SOON,
            ],
        )

    async def _migration(self, target: LinkTarget) -> MigrationSummary:
        cancellation, transfer = _transfer(target)
        found = await self._migrations.get(cancellation)
        if found.transfer != transfer:
            raise MigrationOfAnotherCase(transfer_id(cancellation, found.transfer), target.subject)
        return found


def _transfer(target: LinkTarget) -> tuple[str, int]:
    cancellation, _, transfer = target.subject.rpartition("/")
    if not _TRANSFER.fullmatch(transfer):
        raise LinkTampered
    return cancellation_id(cancellation), int(transfer)

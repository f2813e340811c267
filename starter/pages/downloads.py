"""Base of the pages with files: fetch them, acknowledge them, and request a fresh link."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from pydantic import TypeAdapter, ValidationError

from activities.messaging.links import LinkReplaced, Links, LinkTampered, LinkTarget
from domain.cases import CaseRef
from domain.vocabulary import CancellationId
from domain.words import FOR_CUSTOMERS
from starter.pages.page import Button, File, Page
from starter.service.downloads import LINK_LIFETIME, FileLink
from starter.web.refusals import NothingThere

DOWNLOADED = "downloaded"
CONFIRMED = "have-all"
FRESH_LINK = "fresh-link"

FETCH_SOON = f"A file's own address works for {LINK_LIFETIME.total_seconds() / 60:.0f} minutes after you click it."
"""Small print."""

_CANCELLATION_ID: TypeAdapter[str] = TypeAdapter(CancellationId)


class DownloadPages(ABC):
    """The pages behind a link to files that were made for its recipient."""

    recipient: ClassVar[str]
    """The address to which the link was mailed and a fresh one goes, in words."""
    thanks: ClassVar[str]
    """The reply to the acknowledgement of the files."""
    allows: ClassVar[str]
    """What the acknowledgement allows us to do, in a sentence."""

    def __init__(self, links: Links) -> None:
        self._links = links

    async def show(self, target: LinkTarget) -> Page:
        """Return the page with the files, and the button that begins to acknowledge the download."""
        await self._refuse_replaced(target)
        return await self._page(target, "")

    async def expired(self, target: LinkTarget) -> Page:
        """Return the page behind an expired link: a fresh one is mailed to the right recipient, and never shown."""
        await self._refuse_replaced(target)
        return Page(
            title="This link has expired",
            sentences=[
                f"It could be used until {FOR_CUSTOMERS.instant(target.expires, 'UTC')}.",
                f"We can send a fresh one to {self.recipient}.",
            ],
            buttons=[Button(FRESH_LINK, "Mail me a fresh link")],
            status=410,
        )

    async def renew(self, target: LinkTarget) -> Page:
        """Mail a fresh link, which ends this one; repeated with the same link, it mails only one."""
        await self._refuse_replaced(target)
        # Known to the holder of the link alone: nobody foretells the id, and is there first.
        known = hashlib.sha256(f"fresh link for {self._links.token(target)}".encode()).hexdigest()
        await self._renew(target, request_id=f"link-{known[:32]}")
        return Page(title="A fresh link is on its way", sentences=[f"It goes to {self.recipient}, in a minute or so."])

    async def ask(self, target: LinkTarget) -> Page:
        """Return the page that says what an acknowledgement allows, before it is given. Changes nothing."""
        await self._refuse_replaced(target)
        await self._files(target)
        return Page(
            title="Do you have all of it?",
            sentences=[self.allows, "Nothing has been noted yet. To fetch the files first, go back."],
            buttons=[Button(CONFIRMED, "Yes, I have all of it and could open it", careful=True)],
        )

    async def acknowledge(self, target: LinkTarget) -> Page:
        """Record that the files are downloaded."""
        await self._refuse_replaced(target)
        await self._acknowledge(target)
        return await self._page(target, self.thanks)

    async def file(self, target: LinkTarget, name: str) -> str:
        """Return a link to a file that works for `LINK_LIFETIME`. Raises NothingThere."""
        await self._refuse_replaced(target)
        for file in await self._files(target):
            if file.name == name:
                await self._record_fetch(target, name)
                return file.link
        raise NothingThere

    async def _refuse_replaced(self, target: LinkTarget) -> None:
        """Refuse a link that is not the newest, as its end tells (`domain.link_lifetime`), or that went to another address.

        Where there is none, as after the files are gone, their own refusals say so. Raises LinkReplaced.
        """
        newest, recipient = await self._newest_link(target)
        if newest is not None and newest.replace(microsecond=0) != target.expires:
            raise LinkReplaced
        if recipient is not None:
            self._links.refuse_other_recipient(target, recipient)

    @abstractmethod
    async def _newest_link(self, target: LinkTarget) -> tuple[datetime | None, str | None]:
        """Return the end of the newest link, and the address on record to which links go."""

    @abstractmethod
    async def _page(self, target: LinkTarget, done: str) -> Page: ...

    @abstractmethod
    async def _files(self, target: LinkTarget) -> Sequence[FileLink]: ...

    @abstractmethod
    async def _record_fetch(self, target: LinkTarget, name: str) -> None: ...

    @abstractmethod
    async def _renew(self, target: LinkTarget, *, request_id: str) -> None: ...

    @abstractmethod
    async def _acknowledge(self, target: LinkTarget) -> None: ...


def by_link(cancellation: str, what: str) -> str:
    """Return the id of a request by the holder of a link: with a space, which no caller's key has."""
    return f"by link: {cancellation}/{what}"


def shown(files: Sequence[FileLink]) -> list[File]:
    """Return files as a page lists them."""
    return [File(file.name, file.bytes, f"files/{file.name}") for file in files]


def cancellation_id(text: str) -> str:
    """Return the cancellation's id that a link names. Raises LinkTampered."""
    try:
        return _CANCELLATION_ID.validate_python(text)
    except ValidationError:
        raise LinkTampered from None


def subscription_of(cancellation: str) -> str:
    """Return the subscription of a cancellation's id."""
    return CaseRef.parse(cancellation).subject

"""Base of the areas whose files are fetched through links of mails."""

from datetime import UTC, datetime

from records.downloads import record_fetch
from starter.service.case_form import Status
from starter.service.updates import CaseClient


class FileCaseClient(CaseClient[Status]):
    """Base of exports and migrations: what the holders of links fetch is recorded."""

    async def record_fetch(self, cancellation: str, name: str, *, link_until: datetime, actor: str) -> None:
        """Record that the address of a file was given to the holder of a link."""
        at = datetime.now(UTC)
        await self._write(
            lambda write: record_fetch(write, cancellation, name, link_until=link_until, actor=actor, at=at)
        )

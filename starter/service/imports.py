"""Imports of organizations, contracts, subscriptions and their lines (docs/import-format.md)."""

import asyncio
from datetime import UTC, datetime

from contract.clean import refuse_unclean_words
from domain.permissions import Operation
from records.imports import ImportReport, import_content
from starter.service.direct import DirectClient, marks


class ImportClient(DirectClient):
    """The area of imports, which go to the records."""

    async def load(self, content: bytes, *, actor: str, source: str, request_id: str | None = None) -> ImportReport:
        """Import a document: all of it or, if anything is wrong, nothing. ``source`` is its name, for the audit trail.

        A repetition changes nothing; under the same request id it gets the first report.

        Raises:
            ImportMalformed, ImportOvertaken, RequestIdReused.

        """
        refuse_unclean_words(actor=actor, source=source)

        async def load() -> ImportReport:
            return await self._with_engine(
                lambda engine: import_content(engine, content, actor=actor, at=datetime.now(UTC), source=source)
            )

        request = await asyncio.to_thread(marks, Operation.IMPORT, request_id, actor, content)
        return await self._reported_once(request, ImportReport, load)

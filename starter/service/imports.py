"""Imports of organizations, contracts, subscriptions and their lines (docs/import-format.md)."""

from datetime import UTC, datetime

from contract.clean import refuse_unclean_words
from records.imports import ImportReport, import_content
from starter.service.area import AreaClient


class ImportClient(AreaClient):
    """The area of imports, which go to the records. Repeating one changes nothing, so it takes no request id."""

    async def load(self, content: bytes, *, actor: str, source: str) -> ImportReport:
        """Import a document: all of it or, if anything is wrong, nothing. ``source`` is its name, for the audit trail.

        Raises:
            ImportMalformed, ImportOvertaken.

        """
        refuse_unclean_words(actor=actor, source=source)
        return await self._with_engine(
            lambda engine: import_content(engine, content, actor=actor, at=datetime.now(UTC), source=source)
        )

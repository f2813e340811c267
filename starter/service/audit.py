"""The seals on the audit trail: their newest head, and the verification of all of them."""

from datetime import UTC, datetime

from domain.audit_seals import AuditVerification, SealedHead, parse_head
from records.audit_seals import newest_head, verify
from starter.service.area import AreaClient


class AuditClient(AreaClient):
    """The area of the audit trail, which is read from the records. The trail of a case is with its own area."""

    async def head(self) -> SealedHead | None:
        """Return the head of the chain, to be kept somewhere else; None before the first seal."""
        return await self._read(newest_head)

    async def verify(self, kept: str | None = None) -> AuditVerification:
        """Calculate every seal anew, as of one moment; ``kept`` is a head from before, as it was published.

        Raises:
            HeadMalformed.

        """
        head = parse_head(kept) if kept is not None else None

        return await self._read_long(lambda session: verify(session, head, at=datetime.now(UTC)))

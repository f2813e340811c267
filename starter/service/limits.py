"""The limits across cases: listed, set, and released by a supervisor."""

from collections.abc import Sequence
from datetime import UTC, datetime

from contract.clean import refuse_unclean_words
from domain.limits import LimitScope
from domain.permissions import Operation
from records import limit_settings
from records.limit_settings import Limit, LimitRelease
from starter.service.direct import DirectClient


class LimitClient(DirectClient):
    """The area of the limits across cases, which are kept in the records. Workers count."""

    async def list(self) -> Sequence[Limit]:
        """Return every limit."""
        return await self._read(limit_settings.limits)

    async def set(self, limit: Limit, *, actor: str, reason: str, request_id: str | None = None) -> Limit:
        """Set one limit for the whole installation."""
        refuse_unclean_words(actor=actor, reason=reason, request_id=request_id)
        return await self._write_once(
            Operation.SET_LIMIT,
            lambda write: limit_settings.set_limit(
                write, limit, actor=actor, at=datetime.now(UTC), reason=reason, request=request_id
            ),
            actor=actor,
            request_id=request_id,
            limit=limit.model_dump(mode="json"),
            reason=reason,
        )

    async def release(
        self, scope: LimitScope, subject: str, *, actor: str, reason: str, request_id: str | None = None
    ) -> LimitRelease:
        """Count nothing more of what was counted until now for a caller, or for an organization and its administrators.

        Raises:
            OrganizationNotFound, ReleaseBySelf.

        """
        refuse_unclean_words(actor=actor, reason=reason, request_id=request_id)
        return await self._write_once(
            Operation.RELEASE_LIMIT,
            lambda write: limit_settings.release(
                write, scope, subject, actor=actor, at=datetime.now(UTC), reason=reason, request=request_id
            ),
            actor=actor,
            request_id=request_id,
            scope=scope,
            subject=subject,
            reason=reason,
        )

"""Legal holds: data under one is not erased, and the cancellations that wait for its release continue after it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import contract
from contract.clean import refuse_unclean_words
from records import legal_holds as holds
from records.erasure import unerased_cases
from records.legal_holds import Hold
from records.transaction import Transaction
from starter.service.area import AreaClient


class HoldClient(AreaClient):
    """The area of legal holds, which are kept in the records; workflows are notified of a change.

    ``request_id`` and errors: see `starter.service.offramp.Offramp`.
    """

    async def place(self, organization: str, *, reason: str, actor: str, request_id: str | None = None) -> Hold:
        """Place a legal hold on an organization's data; an erasure that is under way stops after its present step.

        Raises:
            OrganizationNotFound, DataAlreadyErased.

        """
        refuse_unclean_words(actor=actor, reason=reason, request_id=request_id)
        request = request_id or str(uuid4())
        return await self._write(
            lambda transaction: holds.place_hold(
                transaction, organization, reason=reason, actor=actor, at=datetime.now(UTC), request=request
            )
        )

    async def release(self, hold: int, *, reason: str, actor: str, request_id: str | None = None) -> Hold:
        """Release a legal hold; closed cancellations that waited for it erase the data, if it was the last.

        Raises:
            HoldUnknown, HoldReleased.

        """
        refuse_unclean_words(actor=actor, reason=reason, request_id=request_id)

        def release(transaction: Transaction) -> tuple[Hold, Sequence[str]]:
            released = holds.release_hold(
                transaction, hold, reason=reason, actor=actor, at=datetime.now(UTC), request=request_id
            )
            return released, unerased_cases(transaction.session, released.organization)

        released, waiting = await self._write(release)
        for subscription in waiting:
            await self._notify(contract.cancellation_workflow_id(subscription), contract.SIGNAL_HOLDS_CHANGED)
        return released

    async def list(self, *, organization: str | None = None, released: bool = False) -> Sequence[Hold]:
        """Return legal holds, oldest first; released ones too, on request."""
        return await self._read(lambda session: holds.holds(session, organization=organization, released=released))

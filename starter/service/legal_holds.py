"""Legal holds: data under one is not erased, and the cancellations that wait for its release continue after it."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import contract
from contract.clean import refuse_unclean_words
from domain.permissions import Operation
from records import legal_holds as holds
from records.erasure import unerased_cases
from records.legal_holds import Hold
from records.transaction import Transaction
from starter.service.direct import DirectClient


class HoldClient(DirectClient):
    """The area of legal holds, which are kept in the records; workflows are notified of a change.

    ``request_id`` and errors: see `starter.service.offramp.Offramp`.
    """

    async def place(self, organization: str, *, reason: str, actor: str, request_id: str | None = None) -> Hold:
        """Place a legal hold on an organization's data; an erasure that is under way stops after its present step.

        Raises:
            OrganizationNotFound, DataAlreadyErased, RequestIdReused.

        """
        refuse_unclean_words(actor=actor, reason=reason, request_id=request_id)
        request = request_id or str(uuid4())
        return await self._write_once(
            Operation.PLACE_HOLD,
            lambda transaction: holds.place_hold(
                transaction, organization, reason=reason, actor=actor, at=datetime.now(UTC), request=request
            ),
            actor=actor,
            request_id=request_id,
            organization=organization,
            reason=reason,
        )

    async def release(self, hold: int, *, reason: str, actor: str, request_id: str | None = None) -> Hold:
        """Release a legal hold; closed cancellations that waited for it erase the data, if it was the last.

        Raises:
            HoldUnknown, HoldReleased, RequestIdReused.

        """
        refuse_unclean_words(actor=actor, reason=reason, request_id=request_id)

        def release(transaction: Transaction) -> tuple[Hold, Sequence[str]]:
            released = holds.release_hold(
                transaction, hold, reason=reason, actor=actor, at=datetime.now(UTC), request=request_id
            )
            return released, unerased_cases(transaction.session, released.organization)

        released, waiting = await self._write_once(
            Operation.RELEASE_HOLD, release, actor=actor, request_id=request_id, hold=hold, reason=reason
        )
        for subscription in waiting:
            await self._notify(contract.cancellation_workflow_id(subscription), contract.SIGNAL_HOLDS_CHANGED)
        return released

    async def list(
        self,
        *,
        organization: str | None = None,
        organizations: Collection[str] | None = None,
        released: bool = False,
    ) -> Sequence[Hold]:
        """Return legal holds, oldest first; released ones too, on request.

        ``organizations`` are those of which whoever asks may see something; None for all.
        """
        return await self._read(
            lambda session: holds.holds(
                session, organization=organization, organizations=organizations, released=released
            )
        )

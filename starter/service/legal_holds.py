"""The typed client of holds: data under a hold is not erased, and the cancellations that waited for it go on."""

import asyncio
from datetime import UTC, datetime

from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

import contract
from records import legal_holds as holds
from records.erasure import unerased_cases
from records.legal_holds import Hold
from records.transaction import Transaction


class HoldsClient:
    """A client of holds."""

    def __init__(self, temporal: Client, engine: Engine) -> None:
        self._temporal = temporal
        self._engine = engine

    async def place(self, organization: str, *, reason: str, actor: str, request_id: str) -> Hold:
        """Place a hold on an organization's data; an erasure that is under way stops after its present step.

        Raises:
            OrganizationNotFound, DataAlreadyErased.

        """
        return await asyncio.to_thread(self._place, organization, reason, actor, request_id)

    async def release(self, hold: int, *, reason: str, actor: str) -> Hold:
        """Release a hold; closed cancellations that waited for it erase the data, if it was the last.

        Raises:
            HoldUnknown, HoldReleased.

        """
        released, waiting = await asyncio.to_thread(self._release, hold, reason, actor)
        for subscription in waiting:
            handle = self._temporal.get_workflow_handle(contract.cancellation_workflow_id(subscription))
            try:
                await handle.signal(contract.SIGNAL_HOLDS_CHANGED)
            except RPCError as error:
                # Nobody waits there any more; one that does and was not reached looks again by itself.
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
        return released

    def _place(self, organization: str, reason: str, actor: str, request_id: str) -> Hold:
        with Transaction.begin(self._engine) as transaction:
            return holds.place_hold(
                transaction, organization, reason=reason, actor=actor, at=datetime.now(UTC), request=request_id
            )

    def _release(self, hold: int, reason: str, actor: str) -> tuple[Hold, list[str]]:
        with Transaction.begin(self._engine) as transaction:
            released = holds.release_hold(transaction, hold, reason=reason, actor=actor, at=datetime.now(UTC))
            return released, unerased_cases(transaction.session, released.organization)

"""Cancellations that can be undone: the requests that those of subscriptions and of single lines share."""

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from sqlalchemy.orm import Session

import contract
from domain.cancellation.identity import Identity
from domain.marketing import CampaignAction
from domain.vocabulary import Stage
from records.cancellation.lists import earlier_status, present_quotes, version_of_case
from starter.service.case_form import Reversible, ReversibleForm
from starter.service.receipts import StatedReceipt
from starter.service.requests import NO_RECORDS
from starter.service.verification import VerifiedCaseClient
from storage.refusals import DatabaseRightMissing


class ReversibleCaseClient(VerifiedCaseClient[Reversible]):
    """Base of the areas whose cases end something that can be had back: a subscription, or a line."""

    _form: ClassVar[ReversibleForm[Any]]

    async def answer(
        self,
        subject: str,
        answers: Mapping[str, str],
        *,
        actor: str,
        campaign_actions: Mapping[str, CampaignAction] | None = None,
        cancellation: str | None = None,
        request_id: str | None = None,
    ) -> Reversible:
        """Answer questions of the checklist: all of them are taken, or none."""
        with contract.refusing_malformed():
            message = contract.Answer(
                actor=actor,
                cancellation=cancellation,
                answers=dict(answers),
                campaign_actions=dict(campaign_actions or {}),
            )
        return await self._update(subject, contract.UPDATE_ANSWER, message, request_id)

    async def approve(
        self,
        subject: str,
        *,
        actor: str,
        reason: str,
        proposal: str | None = None,
        cancellation: str | None = None,
        request_id: str | None = None,
    ) -> Reversible:
        """Approve, as a second person, the goodwill that was requested: exactly the ``proposal`` that was shown, if it is named."""
        with contract.refusing_malformed():
            message = contract.Approve(actor=actor, cancellation=cancellation, reason=reason, proposal=proposal)
        return await self._update(subject, contract.UPDATE_APPROVE, message, request_id)

    async def correct(
        self,
        subject: str,
        *,
        actor: str,
        reason: str,
        answers: Mapping[str, str] | None = None,
        campaign_actions: Mapping[str, CampaignAction] | None = None,
        goodwill: str | None = None,
        without_goodwill: bool = False,
        expects: str | None = None,
        cancellation: str | None = None,
        request_id: str | None = None,
    ) -> Reversible:
        """Record other wishes of the customer before the cancellation takes effect; ``goodwill`` is the reason for one.

        ``expects`` is the ``version`` of the status that they were decided upon: of another one it is refused.
        """
        with contract.refusing_malformed():
            message = contract.Correct(
                actor=actor,
                cancellation=cancellation,
                answers=dict(answers or {}),
                campaign_actions=dict(campaign_actions or {}),
                goodwill=contract.Goodwill(reason=goodwill) if goodwill else None,
                without_goodwill=without_goodwill,
                expects=expects,
                reason=reason,
            )
        return await self._update(subject, contract.UPDATE_CORRECT, message, request_id)

    async def withdraw(
        self,
        subject: str,
        *,
        actor: str,
        reason: str,
        receipt: StatedReceipt | None = None,
        cancellation: str | None = None,
        request_id: str | None = None,
    ) -> Reversible:
        """Withdraw a cancellation that has not taken effect."""
        received = await self._receipt_fields(receipt, lambda session: self._form.zone(session, subject))
        with contract.refusing_malformed():
            message = contract.Withdraw(actor=actor, cancellation=cancellation, reason=reason, **received)
        return await self._update(subject, contract.UPDATE_WITHDRAW, message, request_id)

    async def reverse(
        self,
        subject: str,
        identity: Identity,
        *,
        actor: str,
        reason: str | None = None,
        receipt: StatedReceipt | None = None,
        cancellation: str | None = None,
        request_id: str | None = None,
    ) -> Reversible:
        """Reverse a cancellation within its window; the identity must be that of the cancellation."""
        received = await self._receipt_fields(receipt, lambda session: self._form.zone(session, subject))
        with contract.refusing_malformed():
            message = contract.RequestReversal(
                actor=actor, cancellation=cancellation, identity=identity, reason=reason, **received
            )
        return await self._update(subject, contract.REQUEST_REVERSAL, message, request_id)

    async def _update(
        self,
        subject: str,
        name: str,
        message: contract.Request,
        request_id: str | None,
        *,
        names_newest: bool = False,
    ) -> Reversible:
        status: Any = await super()._update(subject, name, message, request_id, names_newest=names_newest)
        quoted: Reversible = await self._as_quoted_now(status)
        return quoted

    async def _as_quoted_now(self, status: Reversible) -> Reversible:
        """Return a status with what cancelling would mean now: until the dates are fixed, imports and invoices change it.

        The workflow knows what it meant at its last step, which is better than nothing where there are no records to read.
        """
        if not status.stage.before_effect:
            return status

        def present(session: Session) -> dict[str, Any]:
            case = status.cancellation
            version = {"version": version_of_case(session, case)}
            if status.stage is Stage.SCHEDULED:
                return version
            quote, proposal = present_quotes(session, case)
            return version | {"quote": quote, "proposal": proposal}

        try:
            return status.model_copy(update=await self._read(present))
        except (*NO_RECORDS, DatabaseRightMissing):  # the pages see less, and show less
            return status

    async def status(self, subject: str, *, cancellation: str | None = None) -> Reversible:
        """Return the status of a cancellation, the newest if none is named: live while its workflow runs, else from the records.

        Raises:
            CancellationUnknown, LineNeverCancelled: the subject was never cancelled, or never under this id.

        """
        newest: Any = await self._as_quoted_now(await self._live_or_recorded(subject, self._form.recorded))
        if cancellation in (None, newest.cancellation):
            return cast("Reversible", newest)
        earlier = await self._read(
            lambda session: earlier_status(session, self._form.workflow_id(subject), str(cancellation))
        )
        return cast("Reversible", earlier)

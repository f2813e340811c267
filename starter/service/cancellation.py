"""Cancellations of subscriptions: start, answer and end them, and read their state."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial
from uuid import uuid4

import contract
from contract.steps import OpenRequest, receipt_of_start
from domain.cancellation.identity import Identity
from domain.cases import CaseKind
from domain.marketing import CampaignAction, ConsentDecision
from domain.vocabulary import Stage
from records import late_requests
from records.billing.credit_memos import post_credit_memo
from records.cancellation.lists import organization_zone, present_quotes, recorded_status, time_zone_of
from records.cancellation.opening import open_case, record_refused_opening
from records.cases import newest_id
from records.marketing.lists import RequestedConsent, requested_consent
from records.reconciliation.cases import closed_with_open_billing
from starter.service.cancellation_lists import CancellationLists
from starter.service.case_form import CaseForm, Opening
from starter.service.receipts import StatedReceipt
from starter.service.requests import NO_RECORDS
from starter.service.verification import VerifiedCaseClient


def _open_request(start: contract.StartCancellation, workflow_id: str, now: datetime) -> OpenRequest:
    at, receipt = receipt_of_start(start, now=now)
    return OpenRequest(
        workflow_id=workflow_id,
        subscription=start.subscription,
        request_id=f"{workflow_id}:{start.request_id}",
        actor=start.actor,
        at=at,
        receipt=receipt,
        answers=start.answers,
        attested_because=start.attestation.reason if start.attestation else None,
        goodwill_reason=start.goodwill.reason if start.goodwill else None,
        reason=start.reason,
        reason_code=start.reason_code,
        campaign_actions=start.campaign_actions,
        digest=contract.digest_of(contract.UPDATE_RECEIVE, start),
    )


class CancellationClient(CancellationLists, VerifiedCaseClient[contract.CancellationStatus]):
    """The area of cancellations.

    Commands and `status` go to the workflow; `list`, `report`, `history` and `quote` come from the records, which also
    answer requests after the end of a case. ``request_id`` and errors: see `starter.service.offramp.Offramp`.
    """

    _form = CaseForm(
        contract.CancellationStatus,
        contract.cancellation_workflow_id,
        partial(newest_id, kind=CaseKind.SUBSCRIPTION),
        late_requests.refuse_of_cancellation,
        Opening(_open_request, open_case, record_refused_opening),
    )

    async def start(
        self, start: contract.StartCancellation, *, receipt: StatedReceipt | None = None
    ) -> contract.CancellationStatus:
        """Start a cancellation, or return the running one: its ``request_id`` is then another.

        ``receipt`` states when it was received, as a civil day in the organization's zone or as an instant, and how.

        Raises:
            ForwardedRefusal: `cancellation_still_telling` after 30 seconds if the cancellation before has ended but cannot
                deliver its last messages.

        """
        start = start if start.request_id else start.model_copy(update={"request_id": str(uuid4())})
        received = await self._receipt_fields(receipt, lambda session: organization_zone(session, start.subscription))
        with contract.refusing_malformed():
            start = contract.StartCancellation.model_validate(start.model_dump() | received)
        status = await self._start_or_join(
            contract.SUBSCRIPTION_CANCELLATION,
            start,
            start.request_id,
            subject=start.subscription,
            summary=f"Cancel subscription {start.subscription}",
            details=(
                "Stages: `intake` → `preparing` → `scheduled` → `canceled` → `closed`, or `reversed`; `withdrawn` or "
                "`abandoned` before it takes effect.\n\nCurrent Details show the stage, the dates, and what the case waits "
                f"for. The audit trail: `offramp cancellations history {start.subscription}`"
            ),
        )
        return await self._as_quoted_now(status)

    async def answer(
        self,
        subscription: str,
        answers: Mapping[str, str],
        *,
        actor: str,
        campaign_actions: Mapping[str, CampaignAction] | None = None,
        cancellation: str | None = None,
        request_id: str | None = None,
    ) -> contract.CancellationStatus:
        """Answer questions of the checklist: all of them are taken, or none."""
        with contract.refusing_malformed():
            message = contract.Answer(
                actor=actor,
                cancellation=cancellation,
                answers=dict(answers),
                campaign_actions=dict(campaign_actions or {}),
            )
        return await self._update(subscription, contract.UPDATE_ANSWER, message, request_id)

    async def consent(
        self,
        subscription: str,
        decision: ConsentDecision,
        *,
        actor: str,
        link: str | None = None,
        because: str | None = None,
        cancellation: str | None = None,
        request_id: str | None = None,
    ) -> contract.CancellationStatus:
        """Give the answer of the marketing service's own administrator: by the token of their link, or as an agent."""
        with contract.refusing_malformed():
            message = contract.GiveConsent(
                actor=actor,
                cancellation=cancellation,
                decision=decision,
                link=link,
                attestation=contract.Attestation(reason=because) if because else None,
            )
        return await self._update(subscription, contract.UPDATE_CONSENT, message, request_id)

    async def approve(
        self,
        subscription: str,
        *,
        actor: str,
        reason: str,
        proposal: str | None = None,
        cancellation: str | None = None,
        request_id: str | None = None,
    ) -> contract.CancellationStatus:
        """Approve, as a second person, the goodwill that was requested: exactly the ``proposal`` that was shown, if it is named."""
        with contract.refusing_malformed():
            message = contract.Approve(actor=actor, cancellation=cancellation, reason=reason, proposal=proposal)
        return await self._update(subscription, contract.UPDATE_APPROVE, message, request_id)

    async def correct(
        self,
        subscription: str,
        *,
        actor: str,
        reason: str,
        answers: Mapping[str, str] | None = None,
        campaign_actions: Mapping[str, CampaignAction] | None = None,
        goodwill: str | None = None,
        without_goodwill: bool = False,
        cancellation: str | None = None,
        request_id: str | None = None,
    ) -> contract.CancellationStatus:
        """Record other wishes of the customer before the cancellation takes effect; ``goodwill`` is the reason for one."""
        with contract.refusing_malformed():
            message = contract.Correct(
                actor=actor,
                cancellation=cancellation,
                answers=dict(answers or {}),
                campaign_actions=dict(campaign_actions or {}),
                goodwill=contract.Goodwill(reason=goodwill) if goodwill else None,
                without_goodwill=without_goodwill,
                reason=reason,
            )
        return await self._update(subscription, contract.UPDATE_CORRECT, message, request_id)

    async def withdraw(
        self,
        subscription: str,
        *,
        actor: str,
        reason: str,
        receipt: StatedReceipt | None = None,
        cancellation: str | None = None,
        request_id: str | None = None,
    ) -> contract.CancellationStatus:
        """Withdraw a cancellation that has not taken effect."""
        received = await self._receipt_fields(receipt, lambda session: time_zone_of(session, subscription))
        with contract.refusing_malformed():
            message = contract.Withdraw(actor=actor, cancellation=cancellation, reason=reason, **received)
        return await self._update(subscription, contract.UPDATE_WITHDRAW, message, request_id)

    async def reverse(
        self,
        subscription: str,
        identity: Identity,
        *,
        actor: str,
        reason: str | None = None,
        receipt: StatedReceipt | None = None,
        cancellation: str | None = None,
        request_id: str | None = None,
    ) -> contract.CancellationStatus:
        """Reverse a cancellation within its window; the identity must be that of the cancellation."""
        received = await self._receipt_fields(receipt, lambda session: time_zone_of(session, subscription))
        with contract.refusing_malformed():
            message = contract.RequestReversal(
                actor=actor, cancellation=cancellation, identity=identity, reason=reason, **received
            )
        return await self._update(subscription, contract.REQUEST_REVERSAL, message, request_id)

    async def _update(
        self,
        subject: str,
        name: str,
        message: contract.Request,
        request_id: str | None,
        *,
        names_newest: bool = False,
    ) -> contract.CancellationStatus:
        status = await super()._update(subject, name, message, request_id, names_newest=names_newest)
        return await self._as_quoted_now(status)

    async def _as_quoted_now(self, status: contract.CancellationStatus) -> contract.CancellationStatus:
        """Return a status with what cancelling would mean now: until the dates are fixed, imports and invoices change it.

        The workflow knows what it meant at its last step, which is better than nothing where there are no records to read.
        """
        if status.stage not in (Stage.INTAKE, Stage.PREPARING):
            return status
        try:
            quote, proposal = await self._read(lambda session: present_quotes(session, status.cancellation))
        except NO_RECORDS:
            return status
        return status.model_copy(update={"quote": quote, "proposal": proposal})

    async def post_credit_memo(
        self,
        invoice: str,
        *,
        number: str,
        actor: str,
        credits_from: date | None = None,
        request_id: str | None = None,
    ) -> str:
        """Post the credit memo that takes an invoice back, and notify the cancellation that waits for it.

        With ``credits_from`` it takes back the invoice from that day on, and the rest stays billed. Returns the subscription.

        Raises:
            InvoiceUnknown, InvoiceAlreadyCredited, NewerInvoiceFirst, NewerInvoiceUnknown, InvoiceBeyondBilling,
            CreditOutsidePeriod, DocumentNumberUsed, DocumentNumberMalformed.

        """
        subscription = await self._write(
            lambda transaction: post_credit_memo(
                transaction,
                invoice,
                number=number,
                actor=actor,
                at=datetime.now(UTC),
                credits_from=credits_from,
                request=request_id,
            )
        )
        message = contract.CreditMemoPosted(invoice=invoice)
        await self._notify(self._form.workflow_id(subscription), contract.SIGNAL_CREDIT_MEMO_POSTED, message)
        await self._announce_ends(subscription)
        return subscription

    async def _announce_ends(self, subscription: str) -> None:
        """Continue a closed case whose last line has just ended: its workflow is over, and announces that from the record."""
        case = await self._read(lambda session: closed_with_open_billing(session, subscription))
        if case is not None:
            await self._started_again(case)

    async def status(self, subscription: str) -> contract.CancellationStatus:
        """Return the status of the newest cancellation: live while its workflow runs, else from the records.

        Raises:
            CancellationUnknown: the subscription was never cancelled.

        """
        return await self._as_quoted_now(await self._live_or_recorded(subscription, recorded_status))

    async def requested_consent(self, cancellation: str) -> RequestedConsent | None:
        """Return the consent that a cancellation asks the marketing service's administrator for; None if it never did."""
        return await self._read(lambda session: requested_consent(session, cancellation))

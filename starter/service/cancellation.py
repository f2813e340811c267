"""The typed client: how support systems written in Python reach the service.

Commands go to the workflow and answer with its status or a refusal; lists and histories come from PostgreSQL.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from temporalio.client import (
    Client,
)
from temporalio.service import RPCError, RPCStatusCode

import contract
from domain.cancellation.identity import Identity
from domain.cancellation.lifecycle import (
    CancellationEnded,
    CancellationUnknown,
    check_reversal,
    check_withdrawal,
)
from domain.marketing import CampaignAction, Consent, ConsentDecision
from domain.refusals import Refusal
from domain.vocabulary import CampaignChoice, Stage
from records import audit
from records.cancellation.credit_memos import post_credit_memo
from records.cancellation.lists import list_cases
from records.cancellation.locked_case import newest_case, organization_of
from records.erasure import certificate_of
from records.export import ExportState, check_export, export_of
from records.marketing.stops import stop_of
from records.transaction import Transaction
from starter.service.updates import UPDATE_TIMEOUT, CancellationSuspended, Reaching, StillWaiting
from storage.tables import CancellationRow

__all__ = ["CancellationSuspended", "Offramp", "StillWaiting"]


class Offramp(Reaching):
    """A client of the service.

    Every command takes ``request_id``: repeat a command with the same id, and you get the first one's result. Left out,
    each call is a request of its own.
    """

    def __init__(self, temporal: Client, engine: Engine, *, task_queue: str = contract.TASK_QUEUE) -> None:
        super().__init__(temporal, task_queue)
        self._engine = engine

    async def start(self, start: contract.StartCancellation) -> contract.CancellationStatus:
        """Start a cancellation, or return the running one: its ``request_id`` is then another.

        Raises:
            ForwardedRefusal: the service refused, with the code of the refusal; `cancellation_still_telling` after the
                same time if the cancellation before has ended but cannot deliver its last messages.
            StillWaiting: no answer yet; the request is kept.

        """
        start = start if start.request_id else start.model_copy(update={"request_id": str(uuid4())})
        return await self._start_or_join(
            contract.SUBSCRIPTION_CANCELLATION,
            start,
            start.request_id,
            workflow_id=contract.cancellation_workflow_id(start.subscription),
            form=contract.CancellationStatus,
            summary=f"Cancel subscription {start.subscription}",
            details=(
                "Stages: `intake` → `preparing` → `scheduled` → `canceled` → `closed`, or `reversed`; `withdrawn` or "
                "`abandoned` before it takes effect.\n\nCurrent Details say where it stands and what it waits for. Who "
                f"did what, when and why: `offramp cancellations history {start.subscription}`"
            ),
        )

    async def answer(
        self,
        subscription: str,
        answers: Mapping[str, str],
        *,
        actor: str,
        campaign_actions: Mapping[str, CampaignAction] | None = None,
        request_id: str | None = None,
    ) -> contract.CancellationStatus:
        """Answer questions of the checklist: all of them are taken, or none."""
        message = contract.Answer(actor=actor, answers=dict(answers), campaign_actions=dict(campaign_actions or {}))
        return await self._update(subscription, contract.UPDATE_ANSWER, message, request_id)

    async def send_code(
        self, subscription: str, *, actor: str, request_id: str | None = None
    ) -> contract.CancellationStatus:
        """Have a one-time code mailed to the billing administrator on record."""
        return await self._update(subscription, contract.UPDATE_SEND_CODE, contract.SendCode(actor=actor), request_id)

    async def verify_code(
        self, subscription: str, code: str, *, actor: str, request_id: str | None = None
    ) -> contract.CancellationStatus:
        """Verify the billing administrator by the code they received."""
        message = contract.VerifyCode(actor=actor, code=code)
        return await self._update(subscription, contract.UPDATE_VERIFY_CODE, message, request_id)

    async def attest(
        self, subscription: str, *, actor: str, reason: str, request_id: str | None = None
    ) -> contract.CancellationStatus:
        """Vouch, as an agent, that the billing administrator is asking."""
        message = contract.Attest(actor=actor, attestation=contract.Attestation(reason=reason))
        return await self._update(subscription, contract.UPDATE_ATTEST, message, request_id)

    async def consent(
        self,
        subscription: str,
        decision: ConsentDecision,
        *,
        actor: str,
        link: str | None = None,
        because: str | None = None,
        request_id: str | None = None,
    ) -> contract.CancellationStatus:
        """Give the answer of the marketing service's own administrator: by the token of their link, or as an agent."""
        message = contract.GiveConsent(
            actor=actor,
            decision=decision,
            link=link,
            attestation=contract.Attestation(reason=because) if because else None,
        )
        return await self._update(subscription, contract.UPDATE_CONSENT, message, request_id)

    async def approve(
        self, subscription: str, *, actor: str, reason: str, request_id: str | None = None
    ) -> contract.CancellationStatus:
        """Approve, as a second person, the goodwill that somebody asked for."""
        message = contract.Approve(actor=actor, reason=reason)
        return await self._update(subscription, contract.UPDATE_APPROVE, message, request_id)

    async def withdraw(
        self, subscription: str, *, actor: str, reason: str, request_id: str | None = None
    ) -> contract.CancellationStatus:
        """Withdraw a cancellation that has not taken effect."""
        message = contract.Withdraw(actor=actor, reason=reason)
        return await self._update(subscription, contract.UPDATE_WITHDRAW, message, request_id)

    async def reverse(
        self,
        subscription: str,
        identity: Identity,
        *,
        actor: str,
        reason: str | None = None,
        request_id: str | None = None,
    ) -> contract.CancellationStatus:
        """Reverse a cancellation within its window; the identity must be that of the cancellation."""
        message = contract.RequestReversal(
            actor=actor, identity=identity, reason=reason, requested_at=datetime.now(UTC)
        )
        return await self._update(subscription, contract.REQUEST_REVERSAL, message, request_id)

    async def acknowledge_export(
        self, subscription: str, export: str, *, actor: str, request_id: str | None = None
    ) -> contract.CancellationStatus:
        """Say that the export of a cancellation was downloaded: from now on it may be erased."""
        message = contract.AcknowledgeExport(actor=actor, export=export)
        return await self._update(subscription, contract.UPDATE_ACKNOWLEDGE_EXPORT, message, request_id)

    async def renew_export_link(
        self, subscription: str, export: str, *, actor: str, request_id: str | None = None
    ) -> contract.CancellationStatus:
        """Have a fresh link to the export mailed to the billing administrator on record."""
        message = contract.RenewExportLink(actor=actor, export=export)
        return await self._update(subscription, contract.UPDATE_RENEW_EXPORT_LINK, message, request_id)

    async def status(self, subscription: str) -> contract.CancellationStatus:
        """Return the status of the newest cancellation: live from its workflow, or from the records once that is gone.

        Raises:
            CancellationUnknown: the subscription was never cancelled.
            StillWaiting: no worker answers.

        """
        workflow_id = contract.cancellation_workflow_id(subscription)
        try:
            async with self._refusing_when_unreachable(workflow_id):
                live = await self._temporal.get_workflow_handle(workflow_id).query(
                    contract.QUERY_STATUS, rpc_timeout=UPDATE_TIMEOUT
                )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            live = None
        if live is not None:
            return contract.CancellationStatus.model_validate(live)
        # Temporal has forgotten the workflow, or its last run is a start that was refused: the records remember.
        return await asyncio.to_thread(self._recorded_status, subscription)

    def _recorded_status(self, subscription: str) -> contract.CancellationStatus:
        with Session(self._engine) as session:
            found = list_cases(session, subscription=subscription, limit=1)
            if not found:
                raise CancellationUnknown(subscription)
            case = found[0]
            row = session.get_one(CancellationRow, case.cancellation)
            stop = stop_of(session, row.id) if row.campaigns == CampaignChoice.STOP else None
            export, certificate = export_of(session, row.id), certificate_of(session, row.id)
        return contract.CancellationStatus(
            cancellation=case.cancellation,
            subscription=case.subscription,
            organization=case.organization,
            time_zone=case.time_zone,
            stage=case.stage,
            request_id=case.request_id.removeprefix(f"{contract.cancellation_workflow_id(subscription)}:"),
            received_at=case.received_at,
            waiting_for="" if case.stage.is_final else "an operator: its workflow is not running",
            verified=case.verified,
            termination_date=case.termination_date,
            access_ended_on=case.access_ended_on,
            reversal_deadline=case.reversal_deadline,
            quote=case.quote,
            marketing_consent=Consent(row.marketing_consent) if row.marketing_consent else None,
            campaigns_stopped=stop.requested if stop else None,
            campaigns_outstanding=stop.outstanding if stop else (),
            ads_may_still_run=bool(stop and stop.outstanding),
            export=_export_status(export) if export else None,
            erased_at=certificate.finished_at if certificate else None,
        )

    async def post_credit_memo(self, invoice: str, *, number: str, actor: str) -> str:
        """Post the credit memo that takes an invoice back, and tell the cancellation that waits for it.

        Returns the subscription. Raises InvoiceUnknown, InvoiceAlreadyCredited, NewerInvoiceFirst.
        """
        subscription = await asyncio.to_thread(self._post_credit_memo, invoice, number, actor)
        handle = self._temporal.get_workflow_handle(contract.cancellation_workflow_id(subscription))
        try:
            await handle.signal(contract.SIGNAL_CREDIT_MEMO_POSTED, contract.CreditMemoPosted(invoice=invoice))
        except RPCError as error:
            # No cancellation waits; one that does and was not reached looks again by itself.
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        return subscription

    def _post_credit_memo(self, invoice: str, number: str, actor: str) -> str:
        with Transaction.begin(self._engine) as transaction:
            return post_credit_memo(transaction, invoice, number=number, actor=actor, at=datetime.now(UTC))

    async def _update(
        self, subscription: str, name: str, message: contract.Request, request_id: str | None
    ) -> contract.CancellationStatus:
        workflow_id = contract.cancellation_workflow_id(subscription)
        handle = self._temporal.get_workflow_handle(workflow_id)
        update_id = f"{name}:{request_id or uuid4()}"
        try:
            return await self._outcome(
                workflow_id,
                handle.execute_update(
                    name,
                    message,
                    id=update_id,
                    result_type=contract.CancellationStatus,
                    rpc_timeout=UPDATE_TIMEOUT,
                ),
                contract.CancellationStatus,
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        await asyncio.to_thread(self._refuse_after_end, subscription, name, message, update_id)
        raise CancellationUnknown(subscription)

    def _refuse_after_end(self, subscription: str, name: str, message: contract.Request, update_id: str) -> None:
        """Refuse a request to a case that has ended, by the same rules as a running one, and keep the try."""
        with Transaction.begin(self._engine) as transaction:
            session = transaction.session
            case = newest_case(session, subscription)
            if case is None:
                raise CancellationUnknown(subscription)
            now = datetime.now(UTC)
            stage, zone = Stage(case.stage), organization_of(session, case).time_zone
            try:
                if name == contract.REQUEST_REVERSAL:
                    check_reversal(case.id, stage, asked_at=now, deadline=case.reversal_deadline, zone=zone)
                elif name == contract.UPDATE_WITHDRAW:
                    check_withdrawal(case.id, stage)
                elif isinstance(message, contract.AcknowledgeExport | contract.RenewExportLink):
                    check_export(session, case.id, message.export)
                refusal: Refusal = CancellationEnded(case.id, stage)
            except Refusal as found:
                refusal = found
            audit.record(
                transaction,
                f"{name}.refused",
                actor=message.actor,
                at=now,
                step=f"{case.id}:{update_id}:refused",
                why=str(refusal),
                subscription=subscription,
                cancellation=case.id,
                after={"code": refusal.code},
            )
        raise refusal


def _export_status(export: ExportState) -> contract.ExportStatus:
    if export.erased_at is not None:
        return contract.ExportStatus.ERASED
    if export.acknowledged_at is not None:
        return contract.ExportStatus.ACKNOWLEDGED
    return contract.ExportStatus.READY if export.finished_at is not None else contract.ExportStatus.RUNNING

"""The typed client: how support systems written in Python reach the service.

Commands go to the workflow and answer with its status or a refusal; lists and histories come from PostgreSQL.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.refusals import as_refusal
from domain.errors import ForwardedRefusal, Refusal
from domain.identity import Identity
from domain.lifecycle import CancellationEnded, CancellationUnknown, check_reversal, check_withdrawal
from domain.vocabulary import Stage
from storage import audit
from storage.cases import newest_case, organization_of
from storage.credit_memos import post_credit_memo
from workflows import contract

UPDATE_TIMEOUT = timedelta(seconds=30)


class StillWaiting(Refusal):
    """The request is kept, but its outcome is not known yet."""

    code = "still_waiting"

    def __init__(self, workflow_id: str) -> None:
        super().__init__(
            f"{workflow_id} has not answered within {UPDATE_TIMEOUT.seconds} seconds: a worker, the database or the mail "
            "server may be down.",
            way_out="Look at the workflow in the Temporal Web UI; repeat the command with the same request id when it is up.",
            workflow_id=workflow_id,
        )


class Offramp:
    """A client of the service.

    Every command takes ``request_id``: repeat a command with the same id, and you get the first one's result. Left out,
    each call is a request of its own.
    """

    def __init__(self, temporal: Client, engine: Engine, *, task_queue: str = contract.TASK_QUEUE) -> None:
        self._temporal = temporal
        self._engine = engine
        self._task_queue = task_queue

    async def start(self, start: contract.StartCancellation) -> contract.CancellationStatus:
        """Start a cancellation, or return the running one: its ``request_id`` is then another.

        Raises:
            ForwardedRefusal: the service refused, with the code of the refusal.
            StillWaiting: no answer yet; the request is kept.

        """
        start = start if start.request_id else start.model_copy(update={"request_id": str(uuid4())})
        workflow_id = contract.cancellation_workflow_id(start.subscription)
        operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            contract.SUBSCRIPTION_CANCELLATION,
            start,
            id=workflow_id,
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary=f"Cancel subscription {start.subscription}",
            static_details=(
                "Stages: `intake` → `preparing` → `scheduled` → `canceled` → `closed`, or `reversed`; `withdrawn` or "
                "`abandoned` before it takes effect.\n\nCurrent Details say where it stands and what it waits for. Who "
                f"did what, when and why: `offramp cancellations history {start.subscription}`"
            ),
        )
        return await self._outcome(
            workflow_id,
            self._temporal.execute_update_with_start_workflow(
                contract.UPDATE_RECEIVE,
                start,
                id=f"receive:{start.request_id}",
                start_workflow_operation=operation,
                result_type=contract.CancellationStatus,
                rpc_timeout=UPDATE_TIMEOUT,
            ),
        )

    async def answer(
        self, subscription: str, answers: Mapping[str, str], *, actor: str, request_id: str | None = None
    ) -> contract.CancellationStatus:
        """Answer questions of the checklist: all of them are taken, or none."""
        message = contract.Answer(actor=actor, answers=dict(answers))
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

    async def status(self, subscription: str) -> contract.CancellationStatus:
        """Return the live status of the newest cancellation; also of an ended one, while Temporal keeps it."""
        workflow_id = contract.cancellation_workflow_id(subscription)
        try:
            status = await self._temporal.get_workflow_handle(workflow_id).query(
                contract.QUERY_STATUS, rpc_timeout=UPDATE_TIMEOUT
            )
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise CancellationUnknown(subscription) from None
            if error.status is RPCStatusCode.DEADLINE_EXCEEDED:
                raise StillWaiting(workflow_id) from None
            raise
        if status is None:
            raise CancellationUnknown(subscription)
        return contract.CancellationStatus.model_validate(status)

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
        with Session(self._engine) as session, session.begin():
            return post_credit_memo(session, invoice, number=number, actor=actor, at=datetime.now(UTC))

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
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        await asyncio.to_thread(self._refuse_after_end, subscription, name, message, update_id)
        raise CancellationUnknown(subscription)

    async def _outcome(
        self, workflow_id: str, update: Awaitable[contract.CancellationStatus]
    ) -> contract.CancellationStatus:
        try:
            return await update
        except WorkflowUpdateFailedError as error:
            if refusal := as_refusal(error.cause):
                raise ForwardedRefusal(refusal) from None
            raise
        except RPCError as error:
            if error.status in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
                raise StillWaiting(workflow_id) from None
            raise

    def _refuse_after_end(self, subscription: str, name: str, message: contract.Request, update_id: str) -> None:
        """Refuse a request to a case that has ended, by the same rules as a running one, and keep the try."""
        with Session(self._engine) as session, session.begin():
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
                refusal: Refusal = CancellationEnded(case.id, stage)
            except Refusal as found:
                refusal = found
            audit.record(
                session,
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

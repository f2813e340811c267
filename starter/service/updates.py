"""The way of a command to the workflow of a case: the update, its outcome, and the refusals where there is none."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar
from uuid import uuid4

from sqlalchemy.orm import Session
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import QueryRejectCondition, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

import contract
from domain.cancellation.lifecycle import CancellationStillTelling
from domain.refusals import ForwardedRefusal, Refusal
from domain.remedies import Remedy, RemedyKind
from records.late_requests import LateRequest
from records.transaction import Transaction
from runtime.refusals import as_refusal
from runtime.temporal import TemporalUnavailable, connection_failure
from starter.service.area import AreaClient

Outcome = TypeVar("Outcome")
Status = TypeVar("Status", contract.CancellationStatus, contract.MarketingCancellationStatus, contract.MigrationStatus)

UPDATE_TIMEOUT = timedelta(seconds=30)

# Temporal's type of the error that an update gets whose workflow ended before the update's own answer was written.
_COMPLETED_BEFORE_ITS_UPDATE = "AcceptedUpdateCompletedWorkflow"


def why_held_up(attempt: PendingActivityInfo) -> str | None:
    """Return the reason why the last attempt of a pending activity failed; None if none did."""
    failure = attempt.last_failure
    if failure.HasField("timeout_failure_info"):
        return "The worker that did it died or gave no sign of life; another one takes over."
    return failure.message or None


class StillWaiting(Refusal):
    """The request is kept, but its outcome is not known yet."""

    code = "still_waiting"

    def __init__(self, workflow_id: str) -> None:
        super().__init__(
            f"{workflow_id} has not answered within {UPDATE_TIMEOUT.seconds} seconds: a worker, the database or the mail "
            "server may be down.",
            remedy=Remedy.of(RemedyKind.REPEAT_REQUEST),
            workflow_id=workflow_id,
        )


class CancellationSuspended(Refusal):
    """The workflow of a case is suspended until its code is repaired."""

    code = "cancellation_suspended"

    def __init__(self, workflow_id: str) -> None:
        super().__init__(
            f"{workflow_id} cannot continue: its code fails, which is a fault of the service. Nothing is lost; it "
            "continues by itself when workers with a repaired version run.",
            remedy=Remedy.of(RemedyKind.REPAIR_WORKFLOW),
            workflow_id=workflow_id,
        )


@dataclass(frozen=True)
class CaseForm(Generic[Status]):
    """The form of an area's cases. A case is found by its subject: a subscription or an organization."""

    status: type[Status]
    workflow_id: Callable[[str], str]
    """Returns the id of the workflow of the subject's case."""
    refuse_late: Callable[[Transaction, str, LateRequest], Refusal]
    """Returns the refusal of a request that found no running workflow, and audits it."""


class CaseClient(AreaClient, Generic[Status]):
    """Base of the areas whose commands go to the workflow of a case."""

    _form: ClassVar[CaseForm[Any]]

    async def _update(self, subject: str, name: str, message: contract.Request, request_id: str | None) -> Status:
        """Send an update to the case's workflow; where that has ended, refuse it and have the refusal audited."""
        sent = update_id(name, request_id)
        form: type[Status] = self._form.status
        status = await self._running(self._form.workflow_id(subject), name, message, sent, form)
        if status is None:
            late = LateRequest(name, sent, message, datetime.now(UTC))
            raise await self._write(lambda transaction: self._form.refuse_late(transaction, subject, late))
        return status

    async def _running(
        self, workflow_id: str, name: str, message: contract.Request, update_id: str, form: type[Outcome]
    ) -> Outcome | None:
        """Send an update to a workflow; return its answer, or None where no such workflow runs."""
        update = self._temporal.get_workflow_handle(workflow_id).execute_update(
            name, message, id=update_id, result_type=form, rpc_timeout=UPDATE_TIMEOUT
        )
        try:
            return await self._outcome(workflow_id, update, form)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None

    async def _live(self, subject: str) -> Status | None:
        """Return the status of a case from its running workflow.

        None where none runs, or where it has not opened its case yet: then the records have the status.
        """
        workflow_id = self._form.workflow_id(subject)
        try:
            async with self._refusing_when_unreachable(workflow_id):
                live = await self._temporal.get_workflow_handle(workflow_id).query(
                    contract.QUERY_STATUS,
                    reject_condition=QueryRejectCondition.NOT_OPEN,
                    rpc_timeout=UPDATE_TIMEOUT,
                )
        except WorkflowQueryRejectedError:
            return None
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None
        form: type[Status] = self._form.status
        return None if live is None else form.model_validate(live)

    async def _live_or_recorded(self, subject: str, recorded: Callable[[Session, str], Status]) -> Status:
        """Return the status of a case: its workflow's while that runs, and the records' from then on."""
        live = await self._live(subject)
        return await self._read(lambda session: recorded(session, subject)) if live is None else live

    async def _start_or_join(
        self, workflow: str, start: contract.Request, request_id: str, *, subject: str, summary: str, details: str
    ) -> Status:
        """Start the workflow of a case, or join the one that runs under its id; return its status."""
        workflow_id = self._form.workflow_id(subject)

        def operation() -> WithStartWorkflowOperation[Any, Any]:
            return WithStartWorkflowOperation(
                workflow,
                start,
                id=workflow_id,
                task_queue=self._connections.task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=summary,
                static_details=details,
            )

        first = update_id(contract.UPDATE_RECEIVE, request_id)
        try:
            return await self._received(operation(), start, first, workflow_id)
        except ForwardedRefusal as refusal:
            if refusal.details.code != CancellationStillTelling.code:
                raise
            # The previous case is about to end, normally within milliseconds; then a new one can begin.
            await self._wait_for_end(workflow_id, otherwise=refusal)
        # Under another id: Temporal answers a repeated one with the outcome that it had, also when its workflow is over.
        return await self._received(operation(), start, f"{first}:again", workflow_id)

    async def _wait_for_end(self, workflow_id: str, *, otherwise: Refusal) -> None:
        try:
            async with asyncio.timeout(UPDATE_TIMEOUT.total_seconds()):
                await self._temporal.get_workflow_handle(workflow_id).result()
        except TimeoutError:
            raise otherwise from None

    async def _received(
        self,
        operation: WithStartWorkflowOperation[Any, Any],
        start: contract.Request,
        update_id: str,
        workflow_id: str,
    ) -> Status:
        # Awaited, though not needed: asyncio reports a failure that nobody retrieves on standard error.
        handle = asyncio.ensure_future(operation.workflow_handle())
        handle.add_done_callback(lambda done: done.cancelled() or done.exception())
        form: type[Status] = self._form.status
        update = self._temporal.execute_update_with_start_workflow(
            contract.UPDATE_RECEIVE,
            start,
            id=update_id,
            start_workflow_operation=operation,
            result_type=form,
            rpc_timeout=UPDATE_TIMEOUT,
        )
        try:
            return await self._outcome(workflow_id, update, form)
        finally:
            handle.cancel()

    async def _outcome(self, workflow_id: str, update: Awaitable[Outcome], form: type[Outcome]) -> Outcome:
        """Return what an update answers; raise the refusal that it answers with."""
        async with self._refusing_when_unreachable(workflow_id):
            try:
                return await update
            except WorkflowUpdateFailedError as error:
                if refusal := as_refusal(error.cause):
                    raise ForwardedRefusal(refusal) from None
                if not (isinstance(error.cause, ApplicationError) and error.cause.type == _COMPLETED_BEFORE_ITS_UPDATE):
                    raise
            return await self._result(workflow_id, form)

    async def _result(self, workflow_id: str, form: type[Outcome]) -> Outcome:
        """Return the result of a workflow that ended in the very task that answered the update."""
        handle = self._temporal.get_workflow_handle(workflow_id, result_type=form)
        try:
            ended: Outcome = await handle.result(rpc_timeout=UPDATE_TIMEOUT)
        except WorkflowFailureError as error:
            if refusal := as_refusal(error.cause):
                raise ForwardedRefusal(refusal) from None
            raise
        return ended

    @property
    def _address(self) -> str:
        return self._temporal.service_client.config.target_host

    @asynccontextmanager
    async def _refusing_when_unreachable(self, workflow_id: str) -> AsyncIterator[None]:
        try:
            # The SDK asks again for as long as no worker accepts an update; a time limit per call does not end that.
            async with asyncio.timeout(UPDATE_TIMEOUT.total_seconds()):
                yield
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            raise StillWaiting(workflow_id) from None
        except RuntimeError as error:  # of a lazy connection, in its first call
            if not str(error).startswith("Failed client connect"):
                raise
            raise TemporalUnavailable(self._address, connection_failure(error)) from None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and not error.message.startswith("Namespace"):
                raise
            if error.status in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED) or "poller" in error.message:
                raise StillWaiting(workflow_id) from None
            if "in failed state" in error.message:
                raise CancellationSuspended(workflow_id) from None
            raise TemporalUnavailable(self._address, error.message) from None


def update_id(name: str, request_id: str | None) -> str:
    """Return the id of an update: the same for the same request, and a new one for each call without a request id."""
    return f"{name}:{request_id or uuid4()}"

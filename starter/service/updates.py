"""How the typed clients reach workflows: what comes back from an update, and what is said when nothing does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

import contract
from domain.cancellation.lifecycle import CancellationStillTelling
from domain.refusals import ForwardedRefusal, Refusal
from domain.remedies import Remedy, RemedyKind
from runtime.refusals import as_refusal
from runtime.temporal import TemporalUnavailable

Outcome = TypeVar("Outcome")

UPDATE_TIMEOUT = timedelta(seconds=30)

# Temporal's type of the error that an update gets whose workflow ended before the update's own answer was written.
_COMPLETED_BEFORE_ITS_UPDATE = "AcceptedUpdateCompletedWorkflow"


def why_held_up(attempt: PendingActivityInfo) -> str | None:
    """Say why the last attempt of a pending activity failed; None if none did."""
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
    """The workflow of a cancellation cannot go on before its code is repaired."""

    code = "cancellation_suspended"

    def __init__(self, workflow_id: str) -> None:
        super().__init__(
            f"{workflow_id} cannot go on: its code fails, which is a fault of the service. Nothing is lost; it goes on by "
            "itself when workers with a repaired version run.",
            remedy=Remedy.of(RemedyKind.REPAIR_WORKFLOW),
            workflow_id=workflow_id,
        )


class Reaching:
    """Base of the clients that send updates."""

    def __init__(self, temporal: Client, task_queue: str) -> None:
        self._temporal = temporal
        self._task_queue = task_queue

    async def _start_or_join(
        self,
        workflow: str,
        start: contract.Request,
        request_id: str,
        *,
        workflow_id: str,
        form: type[Outcome],
        summary: str,
        details: str,
    ) -> Outcome:
        """Start a workflow that carries a case, or join the one that runs under its id; return its status."""

        def operation() -> WithStartWorkflowOperation[Any, Any]:
            return WithStartWorkflowOperation(
                workflow,
                start,
                id=workflow_id,
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=summary,
                static_details=details,
            )

        update_id = f"{contract.UPDATE_RECEIVE}:{request_id}"
        try:
            return await self._received(operation(), start, update_id, workflow_id, form)
        except ForwardedRefusal as refusal:
            if refusal.details.code != CancellationStillTelling.code:
                raise
            # The one before is about to end, normally within milliseconds; then a new one can begin.
            await self._wait_for_end(workflow_id, otherwise=refusal)
        # Under another id: Temporal answers a repeated one with the outcome that it had, also when its workflow is over.
        return await self._received(operation(), start, f"{update_id}:again", workflow_id, form)

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
        form: type[Outcome],
    ) -> Outcome:
        # Awaited, though not wanted: asyncio complains on standard error of a failure that nobody asks for.
        handle = asyncio.ensure_future(operation.workflow_handle())
        handle.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            return await self._outcome(
                workflow_id,
                self._temporal.execute_update_with_start_workflow(
                    contract.UPDATE_RECEIVE,
                    start,
                    id=update_id,
                    start_workflow_operation=operation,
                    result_type=form,
                    rpc_timeout=UPDATE_TIMEOUT,
                ),
                form,
            )
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
        """Return how the workflow ended, where it ended in the very task that answered the update."""
        handle = self._temporal.get_workflow_handle(workflow_id, result_type=form)
        try:
            ended: Outcome = await handle.result(rpc_timeout=UPDATE_TIMEOUT)
        except WorkflowFailureError as error:
            if refusal := as_refusal(error.cause):
                raise ForwardedRefusal(refusal) from None
            raise
        return ended

    @asynccontextmanager
    async def _refusing_when_unreachable(self, workflow_id: str) -> AsyncIterator[None]:
        try:
            # The SDK asks again for as long as no worker takes an update on; a time limit per call does not end that.
            async with asyncio.timeout(UPDATE_TIMEOUT.total_seconds()):
                yield
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            raise StillWaiting(workflow_id) from None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and not error.message.startswith("Namespace"):
                raise
            if error.status in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED) or "poller" in error.message:
                raise StillWaiting(workflow_id) from None
            if "in failed state" in error.message:
                raise CancellationSuspended(workflow_id) from None
            raise TemporalUnavailable(self._temporal.service_client.config.target_host, error.message) from None

"""The way of a command to the workflow of a case: the update, its outcome, and the refusals where there is none."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar
from uuid import uuid4

from sqlalchemy.orm import Session
from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowExecutionDescription,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
)
from temporalio.common import QueryRejectCondition, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

import contract
from domain.cancellation.lifecycle import CancellationStillTelling
from domain.refusals import ForwardedRefusal, Refusal
from domain.vocabulary import WAITS_FOR_REPAIR, WAITS_FOR_WORKER
from records.late_requests import LateRequest
from records.transaction import Transaction
from runtime.refusals import as_refusal
from runtime.temporal_refusals import NothingThere, refusing_temporal_errors
from starter.service.area import AreaClient
from starter.service.case_refusals import UPDATE_TIMEOUT, CancellationSuspended, CaseBusy, RequestLost, StillWaiting
from starter.service.descriptions import is_suspended, reasons_held_up

Outcome = TypeVar("Outcome")
Status = TypeVar("Status", contract.CancellationStatus, contract.MarketingCancellationStatus, contract.MigrationStatus)

QUERY_PATIENCE = timedelta(seconds=5)
"""The time after which a query is asked again: a worker that was killed with the question never answers it."""

QUERY_TIMEOUT = 3 * QUERY_PATIENCE
"""The longest wait for a status: Temporal takes ten seconds to give the questions of a killed worker to another one."""

_COMPLETED_BEFORE_ITS_UPDATE = "AcceptedUpdateCompletedWorkflow"
"""Temporal's type of the error that an update gets whose workflow ended before the update's own answer was written."""

_NO_WORKER = "no poller"
_SUSPENDED = "in failed state"
_TOO_MANY = ("in-flight updates", "distinct updates")
"""Parts of Temporal's sentences for states that have no status of their own."""


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
        except NothingThere:
            return None

    async def _live(self, subject: str) -> Status | None:
        """Return the status of a case from its running workflow.

        None where none runs, or where it has not opened its case yet: then the records have the status.

        Raises:
            CancellationSuspended, StillWaiting: the workflow runs, and cannot be asked.

        """
        workflow_id = self._form.workflow_id(subject)
        try:
            async with self._asking(workflow_id, within=QUERY_TIMEOUT):
                live = await self._asked(workflow_id)
        except (WorkflowQueryRejectedError, NothingThere):
            return None
        except WorkflowQueryFailedError:  # its history does not replay with the workers' code
            raise CancellationSuspended(workflow_id) from None
        form: type[Status] = self._form.status
        return None if live is None else form.model_validate(live)

    async def _asked(self, workflow_id: str) -> Any:
        """Return a running workflow's answer to the query for its status, asked again every `QUERY_PATIENCE`."""
        clock = asyncio.get_running_loop().time
        while True:
            asked_at = clock()
            try:
                return await self._temporal.get_workflow_handle(workflow_id).query(
                    contract.QUERY_STATUS, reject_condition=QueryRejectCondition.NOT_OPEN, rpc_timeout=QUERY_PATIENCE
                )
            except RPCError as error:
                if error.status not in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
                    raise
            await asyncio.sleep(asked_at + QUERY_PATIENCE.total_seconds() - clock())

    async def _live_or_recorded(self, subject: str, recorded: Callable[[Session, str], Status]) -> Status:
        """Return the status of a case: its workflow's while that runs and answers, and the records' otherwise.

        It says what holds the case up, and never fails because the workflow does.
        """
        try:
            live: Status | None = await self._live(subject)
        except (CancellationSuspended, StillWaiting) as silent:
            status = await self._read(lambda session: recorded(session, subject))
            return status.model_copy(update={"waiting_for": waits_for(silent), "held_up_because": silent.message})
        if live is None:
            return await self._read(lambda session: recorded(session, subject))
        reasons = reasons_held_up(await self._description_if_any(self._form.workflow_id(subject)))
        return live.model_copy(update={"held_up_because": reasons}) if reasons else live

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
        """Wait until a workflow has ended, however it does; raise the refusal where it takes too long."""
        try:
            async with asyncio.timeout(UPDATE_TIMEOUT.total_seconds()):
                with refusing_temporal_errors(self._temporal):
                    await self._temporal.get_workflow_handle(workflow_id).result()
        except (WorkflowFailureError, NothingThere):
            return
        except TimeoutError:
            raise otherwise from None

    async def _received(
        self,
        operation: WithStartWorkflowOperation[Any, Any],
        start: contract.Request,
        update_id: str,
        workflow_id: str,
    ) -> Status:
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
            with self._retrieving(operation):
                return await self._outcome(workflow_id, update, form)
        except NothingThere:  # it ended between the two halves of the request
            raise RequestLost(workflow_id, "it was about to end") from None

    async def _outcome(self, workflow_id: str, update: Awaitable[Outcome], form: type[Outcome]) -> Outcome:
        """Return what an update answers.

        Raises:
            NothingThere: no such workflow runs.
            ForwardedRefusal: the workflow refused.
            RequestLost, and what `_asking` raises.

        """
        async with self._asking(workflow_id):
            try:
                return await update
            except WorkflowUpdateFailedError as error:
                if refusal := as_refusal(error.cause):
                    raise ForwardedRefusal(refusal) from None
                if not (isinstance(error.cause, ApplicationError) and error.cause.type == _COMPLETED_BEFORE_ITS_UPDATE):
                    raise RequestLost(workflow_id, str(error.cause)) from None
            return await self._result(workflow_id, form)

    async def _result(self, workflow_id: str, form: type[Outcome]) -> Outcome:
        """Return the result of a workflow that ended in the very task that answered the update."""
        handle = self._temporal.get_workflow_handle(workflow_id, result_type=form)
        try:
            ended: Outcome = await handle.result(rpc_timeout=UPDATE_TIMEOUT)
        except WorkflowFailureError as error:
            if refusal := as_refusal(error.cause):
                raise ForwardedRefusal(refusal) from None
            raise RequestLost(workflow_id, str(error.cause)) from None
        return ended

    @asynccontextmanager
    async def _asking(self, workflow_id: str, *, within: timedelta | None = None) -> AsyncIterator[None]:
        """Ask a workflow in the block, which a worker answers.

        Raises:
            NothingThere: no such workflow runs.
            StillWaiting, CancellationSuspended, CaseBusy, and the refusals of `AreaClient._calling`.

        """
        within = within or UPDATE_TIMEOUT
        try:
            # The SDK asks again for as long as no worker accepts an update; a time limit per call does not end that.
            async with asyncio.timeout(within.total_seconds()):
                with refusing_temporal_errors(self._temporal):
                    try:
                        yield
                    except RPCError as error:
                        if refusal := _of_the_workflow(error, workflow_id):
                            raise refusal from None
                        raise
        except TimeoutError:
            if is_suspended(await self._description_if_any(workflow_id)):
                raise CancellationSuspended(workflow_id) from None
            raise StillWaiting(workflow_id, within) from None

    async def _description_if_any(self, workflow_id: str) -> WorkflowExecutionDescription | None:
        try:
            return await self._description(workflow_id, within=QUERY_PATIENCE)
        except Refusal:  # Temporal does not answer this either
            return None


def _of_the_workflow(error: RPCError, workflow_id: str) -> Refusal | None:
    """Return the refusal of a call that failed because of the state of its workflow; None if it is about Temporal."""
    if _NO_WORKER in error.message:
        return StillWaiting(workflow_id)
    if _SUSPENDED in error.message:
        return CancellationSuspended(workflow_id)
    if any(limit in error.message for limit in _TOO_MANY):
        return CaseBusy(workflow_id)
    return None


def waits_for(silent: CancellationSuspended | StillWaiting) -> str:
    """Return what a case waits for whose workflow runs and does not answer."""
    return WAITS_FOR_REPAIR if isinstance(silent, CancellationSuspended) else WAITS_FOR_WORKER


def update_id(name: str, request_id: str | None) -> str:
    """Return the id of an update: the same for the same request, and a new one for each call without a request id."""
    return f"{name}:{request_id or uuid4()}"

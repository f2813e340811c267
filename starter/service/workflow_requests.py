"""Requests to the workflows of cases, and their outcomes: what needs no records."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel
from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
)
from temporalio.service import RPCError

import contract
from domain.cancellation.lifecycle import CancellationStillTelling
from domain.refusals import ForwardedRefusal, Refusal
from runtime.refusals import as_refusal
from runtime.temporal_refusals import NothingThere, refusing_temporal_errors
from runtime.update_with_start import is_answered_by_result, retrieving
from starter.service.case_refusals import (
    UPDATE_TIMEOUT,
    CancellationSuspended,
    RequestLost,
    StillWaiting,
    of_the_workflow,
    tasks_were_lost,
)
from starter.service.dropped_updates import until_kept
from starter.service.queries import QUERY_TIMEOUT, live_status
from starter.service.results import refusing_failures
from starter.service.temporal_calls import TemporalCalls

Outcome = TypeVar("Outcome")
StatusForm = TypeVar("StatusForm", bound=BaseModel)


class WorkflowRequests(TemporalCalls):
    """Base of whoever sends requests to the workflows of cases."""

    @property
    def _answered_within(self) -> timedelta:
        """The longest wait for the answer of a workflow."""
        return UPDATE_TIMEOUT

    async def _sent(
        self, workflow_id: str, name: str, message: contract.Request, update_id: str, form: type[Outcome]
    ) -> Outcome | None:
        """Send an update to a running workflow; return its answer, or None where none runs."""
        handle = self._temporal.get_workflow_handle(workflow_id)
        within = self._answered_within
        send = partial(handle.execute_update, name, message, id=update_id, result_type=form, rpc_timeout=within)
        try:
            return await self._outcome(workflow_id, send, form)
        except NothingThere:
            return None

    async def _started(
        self,
        operation: Callable[[], WithStartWorkflowOperation[Any, Any]],
        start: contract.Request,
        update_id: str,
        workflow_id: str,
        form: type[Outcome],
    ) -> Outcome:
        """Start a workflow, or join the one that runs under its id; return its answer.

        Raises as `_outcome` does; `cancellation_still_telling` where the end of the case before takes too long.
        """
        try:
            return await self._received(operation, start, update_id, workflow_id, form)
        except ForwardedRefusal as refusal:
            if refusal.details.code != CancellationStillTelling.code:
                raise
            # The previous case is about to end, normally within milliseconds; then a new one can begin.
            await self._wait_for_end(workflow_id, otherwise=refusal)
        # Under another id: Temporal answers a repeated one with the outcome that it had, also when its workflow is over.
        return await self._received(operation, start, f"{update_id}:again", workflow_id, form)

    async def _wait_for_end(self, workflow_id: str, *, otherwise: Refusal) -> None:
        """Wait until a workflow has ended, however it does; raise the refusal where it takes too long."""
        try:
            async with asyncio.timeout(self._answered_within.total_seconds()):
                with refusing_temporal_errors(self._temporal):
                    await self._temporal.get_workflow_handle(workflow_id).result()
        except (WorkflowFailureError, NothingThere):
            return
        except TimeoutError:
            raise otherwise from None

    async def _received(
        self,
        operation: Callable[[], WithStartWorkflowOperation[Any, Any]],
        start: contract.Request,
        update_id: str,
        workflow_id: str,
        form: type[Outcome],
    ) -> Outcome:
        async def send() -> Outcome:
            with retrieving(start_of_workflow := operation()):
                answer: Outcome = await self._temporal.execute_update_with_start_workflow(
                    contract.UPDATE_RECEIVE,
                    start,
                    id=update_id,
                    start_workflow_operation=start_of_workflow,
                    result_type=form,
                    rpc_timeout=self._answered_within,
                )
            return answer

        try:
            return await self._outcome(workflow_id, send, form)
        except NothingThere:  # it ended between the two halves of the request
            raise RequestLost(workflow_id, "it was about to end") from None

    async def _outcome(self, workflow_id: str, send: Callable[[], Awaitable[Outcome]], form: type[Outcome]) -> Outcome:
        """Send an update and return its answer.

        Raises:
            NothingThere: no such workflow runs.
            ForwardedRefusal: the workflow refused.
            RequestLost, and what `_asking` raises.

        """
        async with self._asking(workflow_id):
            try:
                return await until_kept(send, lambda: self._is_running(workflow_id))
            except WorkflowUpdateFailedError as error:
                if refusal := as_refusal(error.cause):
                    raise ForwardedRefusal(refusal) from None
                if not is_answered_by_result(error):
                    raise RequestLost(workflow_id, str(error.cause)) from None
            return await self._result(workflow_id, form)

    async def _result(self, workflow_id: str, form: type[Outcome]) -> Outcome:
        """Return the result of a workflow that ended in the very task that answered the update."""
        handle = self._temporal.get_workflow_handle(workflow_id, result_type=form)
        with refusing_failures(workflow_id):
            ended: Outcome = await handle.result(rpc_timeout=self._answered_within)
        return ended

    async def _live_of(self, workflow_id: str, form: type[StatusForm]) -> StatusForm | None:
        """Return the status of a case from its running workflow.

        None where none runs, or where it has not opened its case yet: then the records have the status.

        Raises:
            CancellationSuspended, StillWaiting: the workflow runs, and cannot be asked.

        """
        try:
            async with self._asking(workflow_id, within=min(QUERY_TIMEOUT, self._answered_within)):
                live = await live_status(self._temporal.get_workflow_handle(workflow_id))
        except (WorkflowQueryRejectedError, NothingThere):
            return None
        except WorkflowQueryFailedError:  # its history does not replay with the workers' code
            raise CancellationSuspended(workflow_id) from None
        return None if live is None else form.model_validate(live)

    @asynccontextmanager
    async def _asking(self, workflow_id: str, *, within: timedelta | None = None) -> AsyncIterator[None]:
        """Ask a workflow in the block, which a worker answers.

        Raises:
            NothingThere: no such workflow runs.
            StillWaiting, CancellationSuspended, CaseBusy, and the refusals of `TemporalCalls._calling`.

        """
        within = within or self._answered_within
        try:
            # The SDK asks again for as long as no worker accepts an update; a time limit per call does not end that.
            async with asyncio.timeout(within.total_seconds()):
                with refusing_temporal_errors(self._temporal):
                    try:
                        yield
                    except RPCError as error:
                        if tasks_were_lost(error):
                            raise TimeoutError from None
                        if refusal := of_the_workflow(error, workflow_id):
                            raise refusal from None
                        raise
        except TimeoutError:
            if await self._is_suspended(await self._description_if_any(workflow_id)):
                raise CancellationSuspended(workflow_id) from None
            raise StillWaiting(workflow_id, within) from None

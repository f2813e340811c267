"""The way of a command to the workflow of a case: the update, its outcome, and the refusals where there is none."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy.orm import Session
from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
)
from temporalio.service import RPCError

import contract
from contract.clean import refuse_unclean
from domain.cancellation.lifecycle import CancellationStillTelling
from domain.refusals import ForwardedRefusal, Refusal
from domain.vocabulary import WAITS_FOR_REPAIR, WAITS_FOR_WORKER
from records.late_requests import LateRequest
from runtime.refusals import as_refusal
from runtime.temporal_refusals import NothingThere, refusing_temporal_errors
from runtime.update_with_start import is_answered_by_result, retrieving, starting
from starter.service.case_form import CaseForm, Status
from starter.service.case_refusals import (
    UPDATE_TIMEOUT,
    CancellationSuspended,
    RequestLost,
    StillWaiting,
    of_the_workflow,
    tasks_were_lost,
)
from starter.service.continuation import ContinuingClient
from starter.service.descriptions import reasons_held_up
from starter.service.dropped_updates import until_kept
from starter.service.queries import QUERY_TIMEOUT, live_status
from starter.service.requests import RequestClient, about, request_made, sent_now, update_id
from starter.service.results import refusing_failures

Outcome = TypeVar("Outcome")


class CaseClient(RequestClient, ContinuingClient, Generic[Status]):
    """Base of the areas whose commands go to the workflow of a case."""

    _form: ClassVar[CaseForm[Any]]

    async def _update(
        self,
        subject: str,
        name: str,
        message: contract.Request,
        request_id: str | None,
        *,
        names_newest: bool = False,
    ) -> Status:
        """Send an update to the case's workflow, unless it was answered before; where that has ended, have it refused.

        Temporal repeats the very answer of a request to the newest run; the records answer for earlier ones, and when
        Temporal no longer has it. ``names_newest`` says that the case in the message is no choice of the caller's: the
        newest one by then may be another than the one that the request reached.
        """
        refuse_unclean(message)
        workflow_id, sent, message = self._form.workflow_id(subject), update_id(name, request_id), sent_now(message)
        made = request_made(workflow_id, sent, name, message)
        if names_newest:
            made = made.model_copy(update={"named": None})
        newest = partial(self._newest_case, subject)
        known = await self._look_up(made, message.actor, newest)
        answer = known.answer if known else None
        form: type[Status] = self._form.status
        if answer is None or (known and answer.cancellation == known.newest):
            live = None if known else await self._live(subject)
            message = about(message, known.newest if known else live.cancellation if live else None)
            try:
                status = await self._running(workflow_id, name, message, sent, form)
            except ForwardedRefusal:  # by a workflow that does not know that it has accepted: too noisy to look it up
                if answer is None:
                    raise
                status = None
            if status is not None:
                if request_id is not None:  # Temporal compares no content: another request may have come meanwhile
                    await self._look_up(made, message.actor, newest)
                return status
        if answer is None:
            late = LateRequest(name, sent, message, datetime.now(UTC), made)
            raise await self._write(lambda transaction: self._form.refuse_late(transaction, subject, late))
        return form.model_validate(await self._recorded_answer(workflow_id, answer), from_attributes=True)

    def _newest_case(self, subject: str, session: Session) -> str | None:
        return self._form.newest(session, subject)

    async def _sent(
        self, workflow_id: str, name: str, message: contract.Request, update_id: str, form: type[Outcome]
    ) -> Outcome | None:
        """Send an update to a running workflow; return its answer, or None where none runs."""
        handle = self._temporal.get_workflow_handle(workflow_id)
        send = partial(handle.execute_update, name, message, id=update_id, result_type=form, rpc_timeout=UPDATE_TIMEOUT)
        try:
            return await self._outcome(workflow_id, send, form)
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
                live = await live_status(self._temporal.get_workflow_handle(workflow_id))
        except (WorkflowQueryRejectedError, NothingThere):
            return None
        except WorkflowQueryFailedError:  # its history does not replay with the workers' code
            raise CancellationSuspended(workflow_id) from None
        form: type[Status] = self._form.status
        return None if live is None else form.model_validate(live)

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
        reasons = " ".join(filter(None, (live.held_up_because, reasons)))
        return live.model_copy(update={"held_up_because": reasons})

    async def _start_or_join(
        self, workflow: str, start: contract.Request, request_id: str, *, subject: str, summary: str, details: str
    ) -> Status:
        """Start the workflow of a case, or join the one that runs under its id; return its status.

        A start that is repeated after the end of its case gets the status of that. One that would be refused after an
        earlier case starts no workflow, whose failure would stand before the end of that case in Temporal.
        """
        refuse_unclean(start)
        workflow_id = self._form.workflow_id(subject)
        first = update_id(contract.UPDATE_RECEIVE, request_id)
        start = sent_now(start)
        made = request_made(workflow_id, first, contract.UPDATE_RECEIVE, start)
        ended = await self._answered_start(made, start, partial(self._newest_case, subject), self._form.opening)
        if ended is not None:
            form: type[Status] = self._form.status
            return form.model_validate(ended, from_attributes=True)

        def operation() -> WithStartWorkflowOperation[Any, Any]:
            return starting(
                workflow,
                start,
                workflow_id=workflow_id,
                task_queue=self._connections.task_queue,
                summary=summary,
                details=details,
            )

        try:
            return await self._received(operation, start, first, workflow_id)
        except ForwardedRefusal as refusal:
            if refusal.details.code != CancellationStillTelling.code:
                raise
            # The previous case is about to end, normally within milliseconds; then a new one can begin.
            await self._wait_for_end(workflow_id, otherwise=refusal)
        # Under another id: Temporal answers a repeated one with the outcome that it had, also when its workflow is over.
        return await self._received(operation, start, f"{first}:again", workflow_id)

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
        operation: Callable[[], WithStartWorkflowOperation[Any, Any]],
        start: contract.Request,
        update_id: str,
        workflow_id: str,
    ) -> Status:
        form: type[Status] = self._form.status

        async def send() -> Status:
            with retrieving(start_of_workflow := operation()):
                answer: Status = await self._temporal.execute_update_with_start_workflow(
                    contract.UPDATE_RECEIVE,
                    start,
                    id=update_id,
                    start_workflow_operation=start_of_workflow,
                    result_type=form,
                    rpc_timeout=UPDATE_TIMEOUT,
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
            ended: Outcome = await handle.result(rpc_timeout=UPDATE_TIMEOUT)
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
                        if tasks_were_lost(error):
                            raise TimeoutError from None
                        if refusal := of_the_workflow(error, workflow_id):
                            raise refusal from None
                        raise
        except TimeoutError:
            if await self._is_suspended(await self._description_if_any(workflow_id)):
                raise CancellationSuspended(workflow_id) from None
            raise StillWaiting(workflow_id, within) from None


def waits_for(silent: CancellationSuspended | StillWaiting) -> str:
    """Return what a case waits for whose workflow runs and does not answer."""
    return WAITS_FOR_REPAIR if isinstance(silent, CancellationSuspended) else WAITS_FOR_WORKER

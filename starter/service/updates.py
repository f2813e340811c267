"""The requests of an area to the workflow of a case: looked up in the records first, which answer where no workflow does."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar, Generic

from sqlalchemy.orm import Session
from temporalio.client import WithStartWorkflowOperation

import contract
from contract.clean import refuse_unclean
from domain.refusals import ForwardedRefusal
from domain.vocabulary import WAITS_FOR_REPAIR, WAITS_FOR_WORKER
from records.late_requests import LateRequest
from runtime.update_with_start import starting
from starter.service.case_form import CaseForm, Status
from starter.service.case_refusals import CancellationSuspended, StillWaiting
from starter.service.continuation import ContinuingClient
from starter.service.descriptions import reasons_held_up
from starter.service.requests import RequestClient, about, request_made, sent_now, update_id
from starter.service.workflow_requests import WorkflowRequests


class CaseClient(WorkflowRequests, RequestClient, ContinuingClient, Generic[Status]):
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

    async def _live(self, subject: str) -> Status | None:
        """Return the status of a case from its running workflow. Returns and raises as `_live_of` does."""
        form: type[Status] = self._form.status
        return await self._live_of(self._form.workflow_id(subject), form)

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

        return await self._started(operation, start, first, workflow_id, self._form.status)


def waits_for(silent: CancellationSuspended | StillWaiting) -> str:
    """Return what a case waits for whose workflow runs and does not answer."""
    return WAITS_FOR_REPAIR if isinstance(silent, CancellationSuspended) else WAITS_FOR_WORKER

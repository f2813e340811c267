"""The start of one row: the same update-with-start as at a door, in the name of the person who has confirmed the bulk."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

import contract
from domain.cancellation.lifecycle import CancellationStillTelling
from domain.refusals import RefusalDetails
from domain.requests import RequestIdReserved
from runtime.refusals import as_refusal
from runtime.update_with_start import is_answered_by_result, retrieving, starting

ANSWERED_WITHIN = timedelta(seconds=30)
"""The longest wait for the answer to a start; the same start is sent again later."""

_LOST = "start_lost"


@dataclass(frozen=True)
class Answer:
    """The answer to a start: the case that runs, whatever request has opened it, or the refusal."""

    cancellation: str | None = None
    refusal: RefusalDetails | None = None


class Starts:
    """A client that starts cancellations; the requests are signed as those of a door are."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue

    async def send(self, start: contract.StartCancellation) -> Answer:
        """Send a start, and return its answer; sent again, it is the same request by its own id.

        The update that asks for the answer is a new one each time: one that can be foretold could be there already, and
        Temporal would answer with its outcome, also when its workflow is over. A case that has ended, and is about to deliver its last messages, is waited for.

        Raises:
            TimeoutError, RPCTimeoutOrCancelledError: there was no answer in time.
            RPCError, ApplicationError: Temporal did not take it, its workflow ended before it answered, or it was that of another
                start under the id of this one, which was refused.

        """
        async with asyncio.timeout(ANSWERED_WITHIN.total_seconds()):
            answer = await self._sent(start)
            if answer.refusal is not None and answer.refusal.code == CancellationStillTelling.code:
                await self._ended(contract.cancellation_workflow_id(start.subscription))
                answer = await self._sent(start)
        if answer.refusal is not None and answer.refusal.code == RequestIdReserved.code:
            raise ApplicationError("Another start ran under the id of this one, and was refused.", type=_LOST)
        return answer

    async def _sent(self, start: contract.StartCancellation) -> Answer:
        workflow_id = contract.cancellation_workflow_id(start.subscription)
        summary, details = contract.cancellation_web_ui(start.subscription)
        operation = starting(
            contract.SUBSCRIPTION_CANCELLATION,
            start,
            workflow_id=workflow_id,
            task_queue=self._task_queue,
            summary=summary,
            details=details,
        )
        try:
            with retrieving(operation):
                status = await self._client.execute_update_with_start_workflow(
                    contract.UPDATE_RECEIVE,
                    start,
                    id=f"{contract.UPDATE_RECEIVE}:{uuid4()}",
                    start_workflow_operation=operation,
                    result_type=contract.CancellationStatus,
                )
        except WorkflowUpdateFailedError as error:
            if refusal := as_refusal(error.cause):
                return Answer(refusal=refusal)
            if not is_answered_by_result(error):
                raise ApplicationError("A start's workflow ended before it answered.", type=_LOST) from None
            return await self._result(workflow_id)
        return Answer(status.cancellation)

    async def _result(self, workflow_id: str) -> Answer:
        handle = self._client.get_workflow_handle(workflow_id, result_type=contract.CancellationStatus)
        try:
            status = await handle.result()
        except WorkflowFailureError as error:
            if refusal := as_refusal(error.cause):
                return Answer(refusal=refusal)
            raise ApplicationError("A start's workflow ended before it answered.", type=_LOST) from None
        return Answer(status.cancellation)

    async def _ended(self, workflow_id: str) -> None:
        try:
            await self._client.get_workflow_handle(workflow_id).result()
        except WorkflowFailureError:
            return

"""The operations of the Nexus service: each is the start or the update of a workflow, which decides by the same rules as ever.

Temporal says that a caller may use an endpoint, and not who they are. So nothing here is signed as a door's requests are: the actor that
a message names is `temporal:NAME` in every record (`runtime.actors`), and approves nothing.
"""

from datetime import timedelta
from typing import Any, TypeVar

from nexusrpc import HandlerError, HandlerErrorType, OperationError, OperationErrorState
from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from contract import (
    QUERY_STATUS,
    REQUEST_REVERSAL,
    SUBSCRIPTION_CANCELLATION,
    TASK_QUEUE,
    UPDATE_ANSWER,
    UPDATE_RECEIVE,
    CancellationStatus,
    Request,
    cancellation_web_ui,
    cancellation_workflow_id,
)
from contract.cancellation import StartCancellation
from contract.nexus import AnswerQuestions, AskStatus, CancellationService, Reverse
from runtime.update_with_start import retrieving, starting

_WITHIN = timedelta(seconds=8)
"""Less than the ten seconds that Temporal gives an operation; it asks again under the same id, and gets the same answer."""
_STATUS_OR_NONE: Any = CancellationStatus | None
"""The answer of the query: none before the case is open."""
R = TypeVar("R", bound=Request)


@service_handler(service=CancellationService)
class Cancellations:
    """The handler of the service.

    Args:
        client: a client that signs nothing.
        task_queue: the queue of the workflows.

    """

    def __init__(self, client: Client, task_queue: str = TASK_QUEUE) -> None:
        self._client = client
        self._task_queue = task_queue

    @sync_operation
    async def start(self, context: StartOperationContext, message: StartCancellation) -> CancellationStatus:
        """Start the cancellation, or return the status of the one that runs."""
        message = _unsigned(message)
        if not message.request_id:
            message = message.model_copy(update={"request_id": context.request_id})
        summary, details = cancellation_web_ui(message.subscription)
        operation = starting(
            SUBSCRIPTION_CANCELLATION,
            message,
            workflow_id=cancellation_workflow_id(message.subscription),
            task_queue=self._task_queue,
            summary=summary,
            details=details,
        )
        try:
            with retrieving(operation):
                status: CancellationStatus = await self._client.execute_update_with_start_workflow(
                    UPDATE_RECEIVE,
                    message,
                    id=f"{UPDATE_RECEIVE}:{message.request_id}",
                    start_workflow_operation=operation,
                    result_type=CancellationStatus,
                    rpc_timeout=_WITHIN,
                )
        except WorkflowUpdateFailedError as failed:
            raise _refused(failed) from failed.cause
        return status

    @sync_operation
    async def answer(self, context: StartOperationContext, message: AnswerQuestions) -> CancellationStatus:
        """Answer questions of the checklist."""
        return await self._update(context, message.subscription, UPDATE_ANSWER, message.request)

    @sync_operation
    async def reverse(self, context: StartOperationContext, message: Reverse) -> CancellationStatus:
        """Reverse the cancellation within its window."""
        return await self._update(context, message.subscription, REQUEST_REVERSAL, message.request)

    @sync_operation
    async def status(self, _: StartOperationContext, message: AskStatus) -> CancellationStatus:
        """Return the status of the newest cancellation."""
        handle = self._client.get_workflow_handle(cancellation_workflow_id(message.subscription))
        try:
            status: CancellationStatus | None = await handle.query(
                QUERY_STATUS, result_type=_STATUS_OR_NONE, rpc_timeout=_WITHIN
            )
        except RPCError as error:
            raise _not_there(error) from error
        if status is None:
            raise HandlerError("The cancellation is not open yet.", type=HandlerErrorType.UNAVAILABLE)
        return status

    async def _update(
        self, context: StartOperationContext, subscription: str, name: str, message: Request
    ) -> CancellationStatus:
        handle = self._client.get_workflow_handle(cancellation_workflow_id(subscription))
        try:
            status: CancellationStatus = await handle.execute_update(
                name,
                _unsigned(message),
                id=f"{name}:{context.request_id}",
                result_type=CancellationStatus,
                rpc_timeout=_WITHIN,
            )
        except WorkflowUpdateFailedError as failed:
            raise _refused(failed) from failed.cause
        except RPCError as error:
            raise _not_there(error) from error
        return status


def _unsigned(message: R) -> R:
    """Return a message without a signature, which none of a caller's is."""
    return message.model_copy(update={"signature": None})


def _refused(failed: WorkflowUpdateFailedError) -> OperationError:
    """Return the end of an operation that the workflow has refused; its cause has the code and the details."""
    said = failed.cause.message if isinstance(failed.cause, ApplicationError) else str(failed.cause)
    return OperationError(said, state=OperationErrorState.FAILED)


def _not_there(error: RPCError) -> Exception:
    """Return what an operation on a workflow that does not run is answered; other errors are tried again."""
    if error.status is not RPCStatusCode.NOT_FOUND:
        return error
    return HandlerError("No cancellation of this subscription runs.", type=HandlerErrorType.NOT_FOUND)

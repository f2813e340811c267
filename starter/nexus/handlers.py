"""The operations of the Nexus service: each is the start or the update of a workflow, which decides by the same rules as ever.

Temporal says that a caller may use an endpoint, and not who they are. So nothing here is signed as a door's requests are: the actor that
a message names is `temporal:NAME` in every record (`runtime.actors`), and approves nothing.
"""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from nexusrpc import HandlerError, HandlerErrorType, OperationError, OperationErrorState
from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio.client import Client

from contract import REQUEST_REVERSAL, TASK_QUEUE, UPDATE_ANSWER, CancellationStatus, Request
from contract.cancellation import StartCancellation
from contract.nexus import AnswerQuestions, AskStatus, CancellationService, Reverse
from domain.refusals import Refusal
from runtime.refusals import as_application_error
from runtime.temporal_refusals import NothingThere
from starter.nexus.cases import Cases
from starter.web.statuses import FAULTS, UNAVAILABLE

_LOG = logging.getLogger(__name__)
R = TypeVar("R", bound=Request)


@service_handler(service=CancellationService)
class Cancellations:
    """The handler of the service.

    Args:
        client: a client that signs nothing.
        task_queue: the queue of the workflows.

    """

    def __init__(self, client: Client, task_queue: str = TASK_QUEUE) -> None:
        self._cases = Cases(client, task_queue)

    @sync_operation
    async def start(self, context: StartOperationContext, message: StartCancellation) -> CancellationStatus:
        """Start the cancellation, or return the status of the one that runs."""
        # To continue a case whose workflow is gone is the reconciliation's alone.
        request = _unsigned(message, request_id=message.request_id or context.request_id, continues=None)
        with _answering():
            return await self._cases.start(request)

    @sync_operation
    async def answer(self, context: StartOperationContext, message: AnswerQuestions) -> CancellationStatus:
        """Answer questions of the checklist."""
        request_id = message.request_id or context.request_id
        with _answering():
            return await self._cases.update(message.subscription, UPDATE_ANSWER, _unsigned(message.request), request_id)

    @sync_operation
    async def reverse(self, context: StartOperationContext, message: Reverse) -> CancellationStatus:
        """Reverse the cancellation within its window."""
        request_id = message.request_id or context.request_id
        with _answering():
            return await self._cases.update(
                message.subscription, REQUEST_REVERSAL, _unsigned(message.request), request_id
            )

    @sync_operation
    async def status(self, _: StartOperationContext, message: AskStatus) -> CancellationStatus:
        """Return the status of the newest cancellation."""
        with _answering():
            return await self._cases.status(message.subscription)


def _unsigned(message: R, **changes: Any) -> R:
    """Return a message without a signature, which none of a caller's is."""
    return message.model_copy(update={"signature": None, **changes})


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what a request ends with into what Temporal makes of it: the end of the operation, or another attempt.

    What passes by itself, or when the service is repaired, is tried again until the caller's time is up; a refusal is the end.
    """
    try:
        yield
    except NothingThere:
        raise HandlerError("No cancellation of this subscription runs.", type=HandlerErrorType.NOT_FOUND) from None
    except Refusal as refusal:
        code = refusal.details.code
        if code in UNAVAILABLE:
            raise HandlerError(f"{code}: {refusal.message}", type=HandlerErrorType.UNAVAILABLE) from None
        if code in FAULTS:
            _LOG.error("An operation waits for a repair: %s", refusal)
            raise HandlerError(f"{code}: the service must be repaired.", type=HandlerErrorType.INTERNAL) from None
        raise OperationError(refusal.message, state=OperationErrorState.FAILED) from as_application_error(refusal)
    except Exception as error:  # noqa: BLE001 - whatever it is, its own text stays here
        place = "".join(traceback.format_tb(error.__traceback__))
        _LOG.error("An operation failed with %s:\n%s", type(error).__name__, place)
        raise HandlerError("The service failed, and is asked again.", type=HandlerErrorType.INTERNAL) from None

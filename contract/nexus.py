"""The Nexus service: cancellations of subscriptions, for callers with a Temporal namespace of their own.

It is apart from what the rest of the contract offers, so that no worker of cases has to know Nexus.
"""

from nexusrpc import Operation, service
from pydantic import Field

from contract.cancellation import Answer, CancellationStatus, RequestReversal, StartCancellation
from contract.common import Message
from domain.vocabulary import Identifier

NEXUS_TASK_QUEUE = "offramp-nexus"
"""The task queue that an endpoint leads to."""


class AnswerQuestions(Message):
    """Answers to questions of the checklist of a subscription's cancellation."""

    subscription: Identifier
    request: Answer
    request_id: str = Field(default="", max_length=200, pattern=r"^[^\x00]*$")
    """As in StartCancellation; without it, the operation is the request, however often Temporal delivers it."""


class Reverse(Message):
    """A request to reverse the cancellation of a subscription."""

    subscription: Identifier
    request: RequestReversal
    request_id: str = Field(default="", max_length=200, pattern=r"^[^\x00]*$")
    """As in StartCancellation; without it, the operation is the request, however often Temporal delivers it."""


class AskStatus(Message):
    """A question for the status of a subscription's newest cancellation."""

    subscription: Identifier


@service(name="Cancellations")
class CancellationService:
    """The operations. A refusal is a failed operation, with the code of the refusal as the type of its cause."""

    start: Operation[StartCancellation, CancellationStatus]
    answer: Operation[AnswerQuestions, CancellationStatus]
    reverse: Operation[Reverse, CancellationStatus]
    status: Operation[AskStatus, CancellationStatus]

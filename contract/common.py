"""What all messages share: their base, how a handler reads one, and the names that are not of one area."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from temporalio.common import SearchAttributeKey

from domain.cancellation.lifecycle import InputMalformed
from domain.marketing import CampaignAction
from domain.vocabulary import Actor, Identifier, Reason

TASK_QUEUE = "offramp"
UPDATE_RECEIVE = "receive"
QUERY_STATUS = "status"
STAGE = SearchAttributeKey.for_keyword("CancellationStage")
STAGE_DEADLINE = SearchAttributeKey.for_datetime("StageDeadline")
ORGANIZATION = SearchAttributeKey.for_keyword("Organization")
PLATFORM = SearchAttributeKey.for_keyword("Platform")


class Message(BaseModel):
    """Base of every message: immutable; fields it does not know are refused, so that a typing error is not lost."""

    model_config = ConfigDict(frozen=True, extra="forbid")


AnswerText = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")]
CampaignActions = Annotated[dict[Identifier, CampaignAction], Field(max_length=10_000)]


class Request(Message):
    """Base of what people and systems ask for."""

    actor: Actor
    """Who asks: an agent's or a system's name, no e-mail address."""


class Attestation(Message):
    """An agent vouches that the billing administrator is asking. The agent is the actor of the message."""

    reason: Reason
    """How the agent knows, for the audit trail: "called back on the number on file"."""


T = TypeVar("T", bound=Message)


class Unreadable:
    """Stands for a payload that is no message at all: an encoding nobody knows, or JSON that is none."""


def read(received: Sequence[Any], message: type[T]) -> T:
    """Return what a handler received in its documented form; raises InputMalformed naming the problems by path.

    Handlers take any number of arguments of any kind (``*received``), so that bad input is refused with a code instead of
    failing the workflow task, which would hold the case until somebody reads a log.
    """
    if len(received) != 1:
        raise InputMalformed([f"message: one is expected, not {len(received)}"])
    if isinstance(received[0], Unreadable):
        raise InputMalformed(["message: cannot be decoded"])
    try:
        return message.model_validate(received[0])
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        raise InputMalformed(
            [f"{'.'.join(map(str, problem['loc'])) or 'message'}: {problem['msg']}" for problem in problems]
        ) from None

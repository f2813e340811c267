"""Parts that all messages share: their base, the way a handler reads one, and the names that span areas."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from temporalio.common import SearchAttributeKey

from domain.cancellation.lifecycle import InputMalformed
from domain.marketing import CampaignAction
from domain.receipt import EARLIEST
from domain.validation import listed_errors
from domain.vocabulary import Actor, CaseId, Identifier, Reason, ReceiptChannel, identifier_in

UPDATE_RECEIVE = "receive"
"""Update of every kind of cancellation: the second half of update-with-start.

It takes the input of the workflow (`StartCancellation`, `StartLineCancellation`, `StartMarketingCancellation`) and returns the
case status.
"""

QUERY_STATUS = "status"
"""Query of every kind of cancellation, and of OnPremisesMigration.

It returns `CancellationStatus`, `LineCancellationStatus`, `MarketingCancellationStatus` or `MigrationStatus`; null before the
case is open.
"""

STAGE = SearchAttributeKey.for_keyword("CancellationStage")
"""Search attribute of every kind of cancellation: the stage."""

STAGE_DEADLINE = SearchAttributeKey.for_datetime("StageDeadline")
"""Search attribute: the instant (UTC) at which the stage ends by itself."""

ORGANIZATION = SearchAttributeKey.for_keyword("Organization")
"""Search attribute: the organization's id."""

PLATFORM = SearchAttributeKey.for_keyword("Platform")
"""Search attribute: the organization's platform."""

HELD_UP = SearchAttributeKey.for_keyword("HeldUp")
"""Search attribute: the code of the refusal that holds a case up, which an operator must look at; unset otherwise."""


class Message(BaseModel):
    """Base of every message: immutable; unknown fields are refused, so that a typing error is not lost."""

    model_config = ConfigDict(frozen=True, extra="forbid")


AnswerText = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")]
ReasonCodeText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00]*$")
]
"""A reason for leaving as a caller names it; the organization's policy lists the possible ones."""
CampaignActions = Annotated[dict[Identifier, CampaignAction], Field(max_length=10_000)]


def _in_utc(instant: datetime) -> datetime:
    if instant < EARLIEST:
        raise ValueError(f"an instant from {EARLIEST.year} on is expected")
    return min(instant, _LATEST).astimezone(UTC)


_LATEST = datetime(9999, 12, 1, tzinfo=UTC)
"""A later instant would leave the calendar in some zones; it is in the future as this one is."""

Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An instant with an offset, in whatever zone the caller writes it; UTC from here on."""


class Signed(Message):
    """Base of the messages that name an actor."""

    signature: str | None = Field(default=None, max_length=200)
    """Made by the service's own doors, which know who their caller is. Everybody else leaves it out: the actor is then
    `temporal:…` in the audit trail, and approves nothing (`contract.requests`)."""


class Request(Signed):
    """Base of the requests of people and systems."""

    actor: Actor
    """The requester: the name of an agent or a system, no e-mail address."""
    sent_at: Instant | None = None
    """The instant at which the request was first sent, which is then its legal instant: not after now, and for a request
    about a case not before the case was received."""


class AboutCase(Request):
    """Base of the requests about a case. One that names the case is refused by every other one."""

    cancellation: CaseId | None = None
    """The case that the request is about; without it, the case that runs when the request arrives."""


class ReceivedRequest(Request):
    """Base of the requests with legal meaning: one may have been received before it is entered."""

    received_at: Instant | None = None
    """The true instant of the receipt, which is then the legal one: not after now, for a request about a case not before the
    case was received, and further in the past than the policy's `backdating_days` only with a reason."""
    channel: ReceiptChannel | None = None
    """The way by which it was received."""
    received_because: Reason | None = None
    """The reason why it is entered so long after it was received, for the audit trail."""

    @property
    def entered_late_because(self) -> str | None:
        """The reason why it is entered late, if one is given."""
        return self.received_because


class Attestation(Message):
    """An agent's word that the request comes from the billing administrator. The agent is the actor of the message."""

    reason: Reason
    """The basis of the agent's knowledge, for the audit trail: "called back on the number on file"."""


T = TypeVar("T", bound=Message)
V = TypeVar("V")


class Unreadable:
    """A payload that is not a message at all: an unknown encoding, or invalid JSON."""


def read(received: Sequence[Any], message: type[T]) -> T:
    """Return the received message in its documented form; raises InputMalformed with the problems by path.

    Handlers take any number of arguments of any kind (``*received``), so that bad input is refused with a code instead of
    failing the workflow task, which would suspend the case until an operator reads a log.
    """
    return read_as(received, message.model_validate)


def read_as(received: Sequence[Any], validate: Callable[[Any], V]) -> V:
    """Return what was received as a function of pydantic validates it; errors as for `read`."""
    if len(received) != 1:
        raise InputMalformed([f"message: one is expected, not {len(received)}"])
    if isinstance(received[0], Unreadable):
        raise InputMalformed(["message: cannot be decoded"])
    with refusing_malformed():
        return validate(received[0])


def _path(location: Sequence[int | str]) -> str:
    """Return where a problem is; a name that a caller made up is part of it, and its words are not repeated."""
    return ".".join(identifier_in(str(step)) or "…" for step in location) or "message"


@contextmanager
def refusing_malformed() -> Iterator[None]:
    """Raise InputMalformed, with the problems by path, for a message that is made in the block from what a caller passed."""
    try:
        yield
    except ValidationError as error:
        problems = listed_errors(error)
        raise InputMalformed([f"{_path(problem['loc'])}: {problem['msg']}" for problem in problems]) from None

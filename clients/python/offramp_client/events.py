"""Events of cases: server-sent events as they are read, and where a stream is resumed."""

from collections import deque
from dataclasses import dataclass

from pydantic import ValidationError

from offramp_client.errors import UnexpectedAnswer
from offramp_client.generated.models import CaseEvent

READ_WITHIN = 60.0
"""Seconds: a stream without events says four times as often that it is there."""
_FIRST_RETRY = 1.0
_LONGEST_RETRY = 5
"""In digits: a stream that asks for more than 100 seconds is resumed as if it had not asked."""
_REMEMBERED = 2_000


@dataclass(frozen=True)
class StreamEvent:
    """One event of a stream."""

    id: str
    """The place after it, from which a stream is resumed."""
    case: CaseEvent | None
    """The event; None for the first of a stream, which says that from here on nothing is missed."""


class EventReader:
    """The reader of one stream over all its connections.

    Args:
        after: the id of the last event that the caller has had; None to begin now.

    """

    def __init__(self, after: str | None) -> None:
        self.place = after
        self.retry = _FIRST_RETRY
        """The seconds after which a stream that broke off is resumed."""
        self._is_ready = False
        self._fields: dict[str, str] = {}
        self._had: deque[int] = deque(maxlen=_REMEMBERED)

    @property
    def headers(self) -> dict[str, str]:
        """The headers with which the stream goes on where it is."""
        return {"accept": "text/event-stream"} | ({} if self.place is None else {"last-event-id": self.place})

    def begin(self) -> None:
        """Begin to read a connection: what was left half of the one before is forgotten, and comes again."""
        self._fields = {}

    def read(self, line: str) -> StreamEvent | None:
        """Read a line, and return the event that it completes. Raises UnexpectedAnswer."""
        if line:
            name, _, value = line.partition(":")
            self._fields[name] = value.removeprefix(" ")
            return None
        fields, self._fields = self._fields, {}
        self.place = fields.get("id", self.place)
        retry = fields.get("retry", "")
        if retry.isascii() and retry.isdigit() and len(retry) <= _LONGEST_RETRY:
            self.retry = int(retry) / 1000
        match fields.get("event"):
            case "ready" if not self._is_ready:
                self._is_ready = True
                return StreamEvent(self.place or "", None)
            case "case":
                return self._case(fields.get("data", ""))
        return None

    def _case(self, data: str) -> StreamEvent | None:
        try:
            event = CaseEvent.model_validate_json(data)
        except ValidationError as error:
            raise UnexpectedAnswer(200) from error
        if event.entry in self._had:
            return None
        self._had.append(event.entry)
        return StreamEvent(self.place or "", event)

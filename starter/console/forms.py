"""Forms: the fields that an action shows, and what a person has written into them."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal, TypeVar
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import UploadFile

from domain.cancellation.lifecycle import InputMalformed
from domain.requests import refuse_reserved
from domain.vocabulary import ReceiptChannel
from starter.service.receipts import StatedReceipt

Choice = TypeVar("Choice", bound=StrEnum)
Value = TypeVar("Value")

KEY, FORM_KEY, CASE, SUBJECT, OFFER, BACK = "_key", "_form", "_case", "_subject", "_offer", "_back"
"""The fields of every form: the id of the request, the key of the session's forms, the case, what the action is about, the offer
on its page, and the address of that page."""

Kind = Literal["text", "textarea", "date", "datetime-local", "email", "select", "checkbox", "number", "file", "hidden"]


@dataclass(frozen=True)
class Field:
    """A field of a form."""

    name: str
    label: str
    kind: Kind = "text"
    required: bool = True
    help: str = ""
    options: Sequence[tuple[str, str]] = ()
    """Of a select: values with their words."""
    value: str = ""
    is_long: bool = False
    """True for a text that may be a whole document."""


REASON = Field("reason", "Reason", "textarea", help="For the audit trail.")
RECEIPT = (
    Field("received_on", "Received on", "date", required=False, help="If it was received on an earlier day."),
    Field(
        "channel",
        "Received by",
        "select",
        required=False,
        options=[("", "not stated"), *((one.value, one.value) for one in ReceiptChannel)],
    ),
    Field("because", "Why it is entered late", required=False),
)
"""The fields of a request with legal meaning."""


def choices(of: type[StrEnum], *, empty: str | None = None) -> Sequence[tuple[str, str]]:
    """Return the options of a select, with one for no choice if ``empty`` has its words."""
    found = [(one.value, one.value.replace("_", " ")) for one in of]
    return found if empty is None else [("", empty), *found]


def new_key() -> str:
    """Return the id of a request that is to be made once, however often its form is sent."""
    return f"console-{uuid4()}"


@dataclass(frozen=True)
class Given:
    """What a form was sent with."""

    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, UploadFile] = field(default_factory=dict)

    def has_key(self, form_key: str) -> bool:
        """Return true for a form of the session with a key."""
        return hmac.compare_digest(self.fields.get(FORM_KEY, "").encode(), form_key.encode())

    @property
    def request_id(self) -> str:
        """The id of the request. Raises InputMalformed, RequestIdReserved."""
        found = self.text(KEY)
        if not (found.isascii() and found.isprintable() and " " not in found and len(found) <= 100):
            raise InputMalformed([f"{KEY}: the key of a form is expected"])
        refuse_reserved(found)
        return found

    def optional(self, name: str) -> str | None:
        """Return a text without the spaces around it; None for an empty one."""
        return self.fields.get(name, "").strip() or None

    def text(self, name: str) -> str:
        """Return a text that must be there. Raises InputMalformed."""
        return self.needed(name, self.optional(name))

    def lines(self, name: str) -> Sequence[str]:
        """Return the words of a text that has one on each line."""
        return (self.optional(name) or "").split()

    def valid(self, name: str, kind: Any, value: Any) -> Any:
        """Return a value as a type has it. Raises InputMalformed."""
        try:
            return TypeAdapter(kind).validate_python(value)
        except ValidationError as invalid:
            raise InputMalformed([f"{name.replace('_', ' ')}: {one['msg']}" for one in invalid.errors()]) from None

    async def document(self, name: str) -> tuple[bytes, str]:
        """Return the file that was sent or, without one, the text under the same name, with the name of the file.

        Raises:
            InputMalformed: neither is there.

        """
        file = self.files.get(name)
        if file is not None and file.filename:
            return await file.read(), file.filename[:200]
        return self.text(f"{name}_text").encode("utf-8", "surrogatepass"), "pasted in the console"

    def is_set(self, name: str) -> bool:
        """Return true for a box that was ticked."""
        return self.optional(name) is not None

    def day(self, name: str) -> date | None:
        """Return a civil day. Raises InputMalformed."""
        return self._parsed(name, date.fromisoformat, "a day, as in 2026-12-31, is expected")

    def time(self, name: str) -> datetime | None:
        """Return a civil time, or an instant. Raises InputMalformed."""
        return self._parsed(name, datetime.fromisoformat, "a time, as in 2026-12-31T22:00, is expected")

    def number(self, name: str) -> int | None:
        """Return a whole number. Raises InputMalformed."""
        return self._parsed(name, int, "a whole number is expected")

    def choice(self, name: str, of: type[Choice]) -> Choice | None:
        """Return one of several. Raises InputMalformed."""
        return self._parsed(name, of, f"one of {', '.join(of)} is expected")

    def needed(self, name: str, found: Value | None) -> Value:
        """Return what was found under a name that must be filled in. Raises InputMalformed."""
        if found is None:
            raise InputMalformed([f"{name.replace('_', ' ')}: it is needed"])
        return found

    def receipt(self) -> StatedReceipt | None:
        """Return the receipt, if anything was said of it. Raises InputMalformed."""
        found = StatedReceipt(self.day("received_on"), self.choice("channel", ReceiptChannel), self.optional("because"))
        return None if found == StatedReceipt() else found

    def _parsed(self, name: str, parse: Callable[[str], Value], expected: str) -> Value | None:
        found = self.optional(name)
        try:
            return None if found is None else parse(found)
        except ValueError:
            raise InputMalformed([f"{name.replace('_', ' ')}: {expected}"]) from None

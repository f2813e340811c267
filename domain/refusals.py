"""Refusals: the negative answers of the service, each with a stable code, a sentence and a remedy.

A refusal is a normal answer to a person, not a fault of the program. Each has a class of its own with a stable ``code``
that programs may rely on, a sentence that names what was refused, the rule and the values, and a remedy. Layers above
carry a refusal to its reader as data: as exit status 1 on the command line, as a non-retryable application error through
Temporal. The sentence names no command, setting, path or bucket; the remedy's values may, and each surface renders them.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from domain.remedies import Remedy


class RefusalDetails(BaseModel):
    """A refusal in the form in which it crosses a process boundary."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
    way_out: str = ""
    """The remedy as a sentence that fits every surface."""
    values: dict[str, str] = {}
    remedy: Remedy | None = None
    """None where the message alone says what to do, and in histories of versions that recorded only the sentence."""


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error of the program
    """Base of every refusal.

    Subclasses set ``code`` and build ``message`` and ``remedy`` from the values they are given, so that a caller passes
    facts and never sentences. ``values`` are the facts by name, as text, for programs.
    """

    code: ClassVar[str] = "refused"

    record: Mapping[str, Any] | None = None
    """The record of the case that the step of a workflow met, for the workflow to adopt; None outside of such a step."""

    def __init__(self, message: str, *, remedy: Remedy | None = None, **values: object) -> None:
        self.message = message
        self.remedy = remedy
        self.values = {name: str(value) for name, value in values.items() if value is not None}
        super().__init__(message)

    def __str__(self) -> str:
        """Return the message and the way out."""
        return f"{self.message} {self.way_out}".strip()

    @property
    def way_out(self) -> str:
        """The remedy as a sentence that fits every surface; empty without one."""
        return self.remedy.words if self.remedy else ""

    @property
    def details(self) -> RefusalDetails:
        """The refusal as data."""
        return RefusalDetails(
            code=self.code, message=self.message, way_out=self.way_out, values=self.values, remedy=self.remedy
        )


class ForwardedRefusal(Refusal):
    """A refusal received from another process, shown to its reader as it was made."""

    def __init__(self, details: RefusalDetails) -> None:
        super().__init__(details.message, remedy=details.remedy, **details.values)
        self.forwarded = details

    @property
    def way_out(self) -> str:
        """The way out in the words in which it was received: an earlier or later version may have other words."""
        return self.forwarded.way_out

    @property
    def details(self) -> RefusalDetails:
        """The refusal as it was received."""
        return self.forwarded


class RefusedValue(ValueError):  # noqa: N818 - as `Refusal`
    """The carrier of a refusal through pydantic, which collects ``ValueError`` and lets every other exception escape.

    Validators raise it, so that a model made the plain way raises pydantic's ``ValidationError`` as usual; code
    that reads on a person's behalf takes ``refusal`` out of the error's context again.
    """

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(str(refusal))


def printable(text: str) -> str:
    """Return a text with a mark for every character that cannot be printed, and so not be stored either."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)

"""What the service says when it says no.

A refusal is a normal answer to a person, not a fault of the program. Each has a class of its own with a stable ``code``
that programs may rely on, a sentence that names what was refused, the rule and the values, and the way out. Layers above
carry a refusal to its reader unchanged: as exit status 1 on the command line, as a non-retryable application error
through Temporal.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class RefusalDetails(BaseModel):
    """A refusal in the form in which it crosses a process boundary."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
    way_out: str = ""
    values: dict[str, str] = {}


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error of the program
    """Base of every refusal.

    Subclasses set ``code`` and build ``message`` and ``way_out`` from the values they are given, so that a caller passes
    facts and never sentences. ``values`` are the facts by name, as text, for programs.
    """

    code: ClassVar[str] = "refused"

    def __init__(self, message: str, *, way_out: str = "", **values: object) -> None:
        self.message = message
        self.way_out = way_out
        self.values = {name: str(value) for name, value in values.items() if value is not None}
        super().__init__(f"{message} {way_out}".strip())

    @property
    def details(self) -> RefusalDetails:
        """The refusal as data: code, message, way out and values."""
        return RefusalDetails(code=self.code, message=self.message, way_out=self.way_out, values=self.values)


class ForwardedRefusal(Refusal):
    """A refusal received from another process, shown to its reader as it was made."""

    def __init__(self, details: RefusalDetails) -> None:
        super().__init__(details.message, way_out=details.way_out, **details.values)
        self.forwarded = details

    @property
    def details(self) -> RefusalDetails:
        """The refusal as it was received."""
        return self.forwarded


class RefusedValue(ValueError):  # noqa: N818 - as `Refusal`
    """Carries a refusal through pydantic, which collects ``ValueError`` and lets every other exception escape.

    Validators raise it, so that a model made the plain way raises pydantic's ``ValidationError`` as usual; whoever reads
    on a person's behalf takes ``refusal`` out of the error's context again.
    """

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(str(refusal))

"""An action: its form, what it is about, and the call that does it; and an offer of it on a page."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.cancellation.lifecycle import InputMalformed
from domain.cases import CaseKind, CaseRef
from domain.permissions import ROLES, Operation, SubjectKind
from domain.principals import Principal, Role
from starter.console.content import Shown
from starter.console.forms import CASE, SUBJECT, Field, Given, new_key
from starter.service import Offramp
from starter.web.turns import Places

BESIDE_DOCUMENT = 64 << 10
"""In bytes: what a form may have beside its document."""


@dataclass(frozen=True)
class Asked:
    """A request as a form makes it."""

    service: Offramp
    given: Given
    person: Principal
    subject: str
    """What it is about: the id of what the action's kind says, or the name of something of the installation."""
    case: str | None
    """The case, where the action is about one."""

    @property
    def actor(self) -> str:
        """Who asks."""
        return self.person.subject

    @property
    def once(self) -> dict[str, Any]:
        """Who asks, and under which id, as the facade takes it."""
        return {"actor": self.actor, "request_id": self.given.request_id}

    @property
    def of_case(self) -> dict[str, Any]:
        """The same with the case."""
        return {**self.once, "cancellation": self.case}

    @property
    def reasoned(self) -> dict[str, Any]:
        """The same with the reason. Raises InputMalformed."""
        return {**self.once, "reason": self.given.text("reason")}


Perform = Callable[[Asked], Awaitable[str | Shown | None]]
"""Does it; returns the address to go to, or what there is to show, or None for the page that it was asked on."""


_CASES_OF = {
    SubjectKind.SUBSCRIPTION: CaseKind.SUBSCRIPTION,
    SubjectKind.LINE: CaseKind.SUBSCRIPTION_LINE,
    SubjectKind.ORGANIZATION: CaseKind.MARKETING_SERVICE,
}
"""The kind of the cases of what an action is about."""


@dataclass(frozen=True)
class Action:
    """An operation of the facade with a form."""

    operation: Operation
    kind: SubjectKind | None
    """The kind of what it is about; None for the whole installation."""
    perform: Perform
    of_several: bool = False
    """True if it is about what belongs to several organizations; the facade is told which of them the person may see."""
    is_named: bool = False
    """True if it is about something of the installation that has a name."""
    largest: int | None = None
    """The largest form, in bytes, where it may have a document."""
    turns: Places | None = None
    """The places for what is large, or takes long."""
    shows: bool = False
    """True if it leads to something to show."""

    def asked(self, service: Offramp, given: Given, person: Principal) -> Asked:
        """Return the request that a form makes; what it is about is that of its case, wherever it has one.

        Raises:
            InputMalformed.

        """
        case, subject = given.optional(CASE), given.optional(SUBJECT) or ""
        if case is not None and self.kind in _CASES_OF:
            # Ids of different kinds may be alike: a line may have that of somebody else's subscription.
            try:
                ref = CaseRef.parse(case)
            except ValueError:
                ref = None
            if ref is None or ref.kind is not _CASES_OF[self.kind]:
                raise InputMalformed([f"{CASE}: the id of a case of this {self.kind} is expected"])
            subject = ref.subject
        if (self.kind is not None or self.is_named) and not subject:
            raise InputMalformed([f"{SUBJECT}: the action is about nothing"])
        return Asked(service, given, person, subject, case)


@dataclass(frozen=True)
class Offer:
    """An action as a page offers it."""

    operation: Operation
    title: str
    button: str
    fields: Sequence[Field] = ()
    case: str = ""
    subject: str = ""
    note: str = ""
    careful: bool = False
    """True for what cannot be taken back."""
    is_open: bool = False
    """True if the page shows its form without being asked."""
    part: str = ""
    """Distinguishes offers of the same action on a page."""
    key: str = field(default_factory=new_key)
    """The id of the request that its form makes."""

    @property
    def id(self) -> str:
        """The name of the offer on its page."""
        return f"{self.operation.value}{'-' if self.part else ''}{self.part}".replace(".", "-").replace("_", "-")

    @property
    def has_file(self) -> bool:
        """True if its form sends a file."""
        return any(one.kind == "file" for one in self.fields)

    def is_for(self, roles: Collection[Role]) -> bool:
        """Return true for somebody with some roles."""
        return bool(ROLES[self.operation] & set(roles))

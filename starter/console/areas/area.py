"""An area: its address, whom it is for, and what its pages show."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from domain.permissions import Operation, SubjectKind, is_permitted
from domain.principals import Principal
from starter.console.actions.action import Offer
from starter.console.callers import permit
from starter.console.content import Section
from starter.service import Offramp


@dataclass(frozen=True)
class Look:
    """A look at a page of an area."""

    service: Offramp
    person: Principal
    about: str = ""
    """What follows the area's address: one of its things; empty for the area itself."""
    query: Mapping[str, str] = field(default_factory=dict)

    def may(self, *operations: Operation) -> bool:
        """Return true for a person with a role for any of some operations."""
        return any(is_permitted(self.person, operation) for operation in operations)

    async def permit(self, *operations: Operation, subject: tuple[SubjectKind, str] | None = None) -> None:
        """Refuse a person what they may not see. Raises RoleMissing, OrganizationNotPermitted."""
        await permit(self.service, self.person, subject, *operations)

    async def permit_any(self, *operations: Operation) -> None:
        """Refuse a person who may do none of some operations on the whole installation. Raises as `permit` does."""
        await self.permit(next((one for one in operations if self.may(one)), operations[0]))


@dataclass(frozen=True)
class View:
    """What a page shows."""

    title: str
    meaning: str
    sections: Sequence[Section]
    offers: Sequence[Offer] = ()
    goes_on: bool = False
    """True while something happens that no event says: the page then looks again by itself."""


@dataclass(frozen=True)
class Area:
    """Pages under one address."""

    path: str
    title: str
    operations: Collection[Operation]
    """Whoever may do any of them has it in their navigation."""
    view: Callable[[Look], Awaitable[View]]
    of_organizations: bool = False
    """True if it has something for people who are limited to organizations."""
    is_there: Callable[[Offramp], bool] = lambda _: True
    """False for a service that lacks the part which it is about."""

    def is_for(self, person: Principal, service: Offramp) -> bool:
        """Return true for somebody who has something to see or to do there."""
        if (person.organizations is not None and not self.of_organizations) or not self.is_there(service):
            return False
        return any(is_permitted(person, operation) for operation in self.operations)

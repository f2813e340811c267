"""Access: what a principal may ask and do, decided before the operation itself is called."""

from collections.abc import Sequence

from domain.permissions import (
    Operation,
    SubjectKind,
    refuse_beyond_organizations,
    refuse_of_all_organizations,
    refuse_unless_permitted,
)
from domain.principals import Principal
from records.ownership import organization_of
from starter.service.area import AreaClient


class AccessClient(AreaClient):
    """The rules of access (`domain.permissions`) for the doors whose callers are verified principals."""

    async def check(
        self, principal: Principal, operation: Operation, subject: tuple[SubjectKind, str] | None = None
    ) -> None:
        """Refuse an operation that a principal may not do; without a subject it concerns the whole installation.

        Raises:
            RoleMissing, OrganizationNotPermitted.

        """
        refuse_unless_permitted(principal, operation)
        if subject is None:
            refuse_of_all_organizations(principal, operation)
        elif principal.organizations is not None:
            kind, name = subject
            owner = await self._read(lambda session: organization_of(session, kind, name))
            refuse_beyond_organizations(principal, name, owner)

    async def organizations(
        self, principal: Principal, operation: Operation, asked: str | None
    ) -> Sequence[str] | None:
        """Return the organizations to which a list is limited: the one asked for, those of the principal, or None for all.

        Raises:
            RoleMissing, OrganizationNotPermitted.

        """
        refuse_unless_permitted(principal, operation)
        if asked is not None:
            refuse_beyond_organizations(principal, asked, asked)
            return (asked,)
        return None if principal.organizations is None else sorted(principal.organizations)

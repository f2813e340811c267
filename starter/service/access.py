"""Access: what a principal may ask and do, decided before the operation itself is called."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from domain.cancellation.single_lines import LineUnknown
from domain.cases import CaseKind, CaseRef
from domain.permissions import (
    Operation,
    SubjectKind,
    refuse_beyond_organizations,
    refuse_of_all_organizations,
    refuse_unless_permitted,
)
from domain.principals import Principal
from records.direct_requests import DirectRequest, claim
from records.ownership import organization_of, subscription_of_line
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

    async def case_of_line(self, line: str, number: int) -> str:
        """Return the id of the case of a line with a number, whether there is one or not. Raises LineUnknown."""
        subscription = await self._read(lambda session: subscription_of_line(session, line))
        if subscription is None:
            raise LineUnknown(line)
        return CaseRef(kind=CaseKind.SUBSCRIPTION_LINE, subject=line, ordinal=number, of_subscription=subscription).id

    async def claim(self, operation: Operation, *, actor: str, request_id: str, **content: Any) -> None:
        """Keep the request for an operation that sets a state, or names what it begins after its id.

        Raises:
            RequestIdReused: another one was made under its id.

        """
        request = DirectRequest.of(operation, request_id, actor, content)
        await self._write(lambda transaction: claim(transaction, request, at=datetime.now(UTC)))

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

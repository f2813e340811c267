"""Principals: who acts, as an identity that was verified, with roles; never a name that a caller typed."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, field_validator

from domain.clean_text import why_unclean
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from domain.vocabulary import Actor, Identifier


class Role(StrEnum):
    """A role of a principal. `domain.permissions` says what each may do."""

    SUPPORT_AGENT = "support_agent"
    """Takes the requests of customers: starts, answers, corrects, withdraws and reverses cancellations."""
    SUPERVISOR = "supervisor"
    """Does the same, and decides what needs a second person: goodwill, legal holds, limits."""
    BILLING = "billing"
    """Reports invoices, posts credit memos."""
    MIGRATION_TEAM = "migration_team"
    """Accepts migrations on premises, and leads them to their end."""
    MARKETING_ADMIN = "marketing_admin"
    """Cancels marketing services alone, and acknowledges campaigns that were stopped."""
    AUDITOR = "auditor"
    """Reads everything but the customers' own data, and changes nothing."""
    SYSTEM = "system"
    """A connected system: looks at cancellations, and confirms what it was asked to do."""
    OPERATOR = "operator"
    """Runs the installation: imports, schedules, restored runs, the reconciliation."""
    ADMIN = "admin"
    """Does everything; a second person is needed all the same."""


class Principal(BaseModel):
    """A verified identity."""

    model_config = ConfigDict(frozen=True)

    subject: Actor
    """The name of the principal in the audit trail: the subject of its token."""
    roles: frozenset[Role]
    organizations: frozenset[Identifier] | None = None
    """The organizations about which it may ask and act; None for all."""

    @field_validator("subject")
    @classmethod
    def _readable(cls, value: str) -> str:
        if why := why_unclean(value):
            raise ValueError(f"it has {why}")
        return value

    def sees(self, organization: str | None) -> bool:
        """Return true if it may act on an organization; None stands for one that nobody knows."""
        return self.organizations is None or organization in self.organizations


class RoleMissing(Refusal):
    """An operation that none of a principal's roles may do."""

    code = "role_missing"

    def __init__(self, operation: str, roles: str, permitted: str) -> None:
        super().__init__(
            f"The operation {operation} is for the roles {permitted}, and this principal has {roles}.",
            remedy=Remedy.of(RemedyKind.ASK_PERMITTED_PERSON, permitted=permitted),
            operation=operation,
            roles=roles,
            permitted=permitted,
        )


class OrganizationNotPermitted(Refusal):
    """An operation on an organization that is not among those of a principal, or on nothing that anybody knows."""

    code = "organization_not_permitted"

    def __init__(self, subject: str) -> None:
        super().__init__(
            f"{subject} does not belong to the organizations to which this principal is limited.",
            remedy=Remedy.of(RemedyKind.ASK_PRINCIPAL_ADMINISTRATOR),
            subject=subject,
        )

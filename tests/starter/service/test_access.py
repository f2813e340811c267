"""Access: whatever a request is about, its organization decides whether a limited principal may ask."""

import pytest
from sqlalchemy import Engine
from temporalio.client import Client

from domain.permissions import Operation, SubjectKind
from domain.principals import OrganizationNotPermitted, Principal, Role, RoleMissing
from runtime.temporal import connect_to_temporal
from starter.service import Offramp
from tests.records.closed_cases import case, place_hold
from tests.support.import_documents import document, engine, imported
from tests.support.ports import free_port

__all__ = ["case", "document", "engine", "imported"]

SUBJECTS = [
    (SubjectKind.ORGANIZATION, "ORG-1"),
    (SubjectKind.SUBSCRIPTION, "SUB-1"),
    (SubjectKind.LINE, "SUB-1-C"),
    (SubjectKind.INVOICE, "INV-1"),
    (SubjectKind.HOLD, "1"),
    (SubjectKind.CAMPAIGN, "CMP-1"),
]
UNKNOWN = [(kind, name) for kind in SubjectKind for name in ("nobody", "9" * 30, "")]


@pytest.fixture
async def service(case: Engine, monkeypatch: pytest.MonkeyPatch) -> Offramp:
    """The facade on an organization with something of each kind, without Temporal."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")
    temporal: Client = await connect_to_temporal(lazy=True)
    place_hold(case)
    return Offramp(temporal, case)


def principal(*organizations: str, role: Role = Role.ADMIN) -> Principal:
    return Principal(subject="agent-7", roles=frozenset({role}), organizations=frozenset(organizations))


@pytest.mark.parametrize("subject", SUBJECTS)
async def test_a_limited_principal_reaches_what_belongs_to_its_organizations_alone(
    service: Offramp, subject: tuple[SubjectKind, str]
) -> None:
    await service.access.check(principal("ORG-1", "ORG-2"), Operation.SHOW_CANCELLATION, subject)
    for others in ((), ("ORG-2",), ("org-1",)):
        with pytest.raises(OrganizationNotPermitted, match=subject[1]):
            await service.access.check(principal(*others), Operation.SHOW_CANCELLATION, subject)


@pytest.mark.parametrize("subject", UNKNOWN)
async def test_what_nobody_knows_is_refused_like_what_belongs_to_others(
    service: Offramp, subject: tuple[SubjectKind, str]
) -> None:
    with pytest.raises(OrganizationNotPermitted):
        await service.access.check(principal("ORG-1"), Operation.SHOW_CANCELLATION, subject)


async def test_the_role_is_looked_at_first_and_without_the_records(service: Offramp) -> None:
    with pytest.raises(RoleMissing):
        await service.access.check(
            principal("ORG-1", role=Role.AUDITOR), Operation.WITHDRAW, (SubjectKind.SUBSCRIPTION, "nobody")
        )


async def test_what_concerns_the_installation_is_not_for_a_limited_principal(service: Offramp) -> None:
    with pytest.raises(OrganizationNotPermitted):
        await service.access.check(principal("ORG-1"), Operation.RECONCILE)
    unlimited = Principal(subject="agent-7", roles=frozenset({Role.ADMIN}))
    await service.access.check(unlimited, Operation.RECONCILE)


async def test_a_list_is_limited_to_the_organizations_of_the_principal(service: Offramp) -> None:
    listing = Operation.LIST_CANCELLATIONS
    unlimited = Principal(subject="agent-7", roles=frozenset({Role.AUDITOR}))
    assert await service.access.organizations(unlimited, listing, None) is None
    assert await service.access.organizations(unlimited, listing, "ORG-2") == ("ORG-2",)
    assert await service.access.organizations(principal("ORG-2", "ORG-1"), listing, None) == ["ORG-1", "ORG-2"]
    assert await service.access.organizations(principal("ORG-2", "ORG-1"), listing, "ORG-1") == ("ORG-1",)
    with pytest.raises(OrganizationNotPermitted):
        await service.access.organizations(principal("ORG-1"), listing, "ORG-2")
    nobody = Principal(subject="agent-7", roles=frozenset())
    with pytest.raises(RoleMissing):
        await service.access.organizations(nobody, listing, None)

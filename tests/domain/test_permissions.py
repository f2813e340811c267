"""Permissions: one table for every door, whole, as it is documented, with nobody who could approve their own request."""

import re
from pathlib import Path

import pytest

from domain.permissions import (
    ROLES,
    Operation,
    refuse_beyond_organizations,
    refuse_of_all_organizations,
    refuse_unless_permitted,
)
from domain.principals import OrganizationNotPermitted, Principal, Role, RoleMissing
from starter.service import offramp
from tests.starter.service.test_offramp import AREAS, methods

DOCUMENT = Path(__file__).parents[2] / "docs" / "permissions.md"
READING = {
    *("list", "report", "history", "quote", "status", "requested_consent", "get", "describe", "runs", "schedule"),
    *("code", "head", "verify", "find", "links", "progress", "watch_list", "watch_subscription", "deliveries"),
    *("rows", "switch", "messages"),
}
"""The methods that change nothing."""


def principal(*roles: Role, organizations: frozenset[str] | None = None) -> Principal:
    return Principal(subject="agent-7", roles=frozenset(roles), organizations=organizations)


def test_every_method_of_the_facade_is_an_operation_and_every_operation_has_roles() -> None:
    areas = offramp.AREAS
    assert set(areas) == {*AREAS, "access", "readiness"}
    found = {f"{area}.{method}" for area in AREAS for method in methods(object.__new__(areas[area]))}
    assert {operation.value for operation in Operation} == found
    assert set(ROLES) == set(Operation)
    assert all(ROLES.values())


def test_the_document_shows_the_whole_table() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (.*) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    documented = {operation: [cell.strip() for cell in cells.split("|")] for operation, cells in rows}
    assert documented == {
        operation.value: ["yes" if role in ROLES[operation] else "–" for role in Role] for operation in Operation
    }


def test_an_auditor_changes_nothing_and_sees_no_data_of_a_customer() -> None:
    permitted = {operation for operation in Operation if Role.AUDITOR in ROLES[operation]}
    assert {operation.value.partition(".")[2] for operation in permitted} <= READING - {"links"}
    # `verify` of the audit trail; that of a code is another one.
    assert {operation for operation in permitted if operation.value.endswith(".verify")} == {Operation.VERIFY_AUDIT}


def test_an_administrator_may_do_everything() -> None:
    assert all(Role.ADMIN in roles for roles in ROLES.values())


@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("role", list(Role))
def test_every_role_may_do_what_the_table_says_and_nothing_else(role: Role, operation: Operation) -> None:
    if role in ROLES[operation]:
        refuse_unless_permitted(principal(role), operation)
    else:
        with pytest.raises(RoleMissing, match=f"{operation} is for the roles .*, and this principal has {role}"):
            refuse_unless_permitted(principal(role), operation)


def test_who_has_no_role_may_do_nothing() -> None:
    for operation in Operation:
        with pytest.raises(RoleMissing, match="has none"):
            refuse_unless_permitted(principal(), operation)


def test_a_principal_of_some_organizations_reaches_no_other_and_nothing_of_all() -> None:
    limited = principal(Role.ADMIN, organizations=frozenset({"ORG-1"}))
    refuse_beyond_organizations(limited, "SUB-1", "ORG-1")
    for other in ("ORG-2", None):
        with pytest.raises(OrganizationNotPermitted, match="SUB-2"):
            refuse_beyond_organizations(limited, "SUB-2", other)
    with pytest.raises(OrganizationNotPermitted):
        refuse_of_all_organizations(limited, Operation.RECONCILE)
    nothing = principal(Role.ADMIN, organizations=frozenset())
    with pytest.raises(OrganizationNotPermitted):
        refuse_beyond_organizations(nothing, "SUB-1", "ORG-1")


def test_a_principal_of_all_organizations_is_limited_by_none() -> None:
    refuse_beyond_organizations(principal(Role.ADMIN), "SUB-9", None)
    refuse_of_all_organizations(principal(Role.ADMIN), Operation.RECONCILE)

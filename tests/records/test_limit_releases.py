"""Releases of the limits across cases, by a supervisor."""

import pytest
from sqlalchemy import Engine, select

from domain.limits import LimitReached, LimitScope, ReleaseBySelf
from records import limits
from records.transaction import Transaction
from storage.tables import AuditRow
from storage.tenants.organizations import OrganizationNotFound
from tests.records.cancellation.opened_cases import opened
from tests.records.limited_requests import (
    ADDRESS,
    CALLER,
    CODES,
    ORGANIZATION,
    STARTS,
    code_for,
    limited,
    subscriptions,
)
from tests.support.import_documents import NOON

__all__ = ["subscriptions"]


@pytest.mark.usefixtures("subscriptions")
def test_a_supervisor_releases_an_organization_with_its_addresses(engine: Engine) -> None:
    limited(engine, CODES, ADDRESS, 1)
    limited(engine, CODES, ORGANIZATION, 1)
    case = opened(engine, "SUB-B-1").cancellation
    code_for(engine, case, "first")

    with Transaction.begin(engine) as transaction:
        done = limits.release(
            transaction, ORGANIZATION, "ORG-B", actor="boss-1", at=NOON, reason="called back", request="R1"
        )

    assert done.uses == 2, "the start and the code"
    assert code_for(engine, case, "second")
    with pytest.raises(LimitReached):
        code_for(engine, case, "third")
    with Transaction.begin(engine) as transaction:
        again = limits.release(
            transaction, ORGANIZATION, "ORG-B", actor="boss-1", at=NOON, reason="called back", request="R1"
        )
    assert again == done, "a repetition releases nothing more"
    with pytest.raises(LimitReached):
        code_for(engine, case, "third")
    with engine.connect() as connection:
        rows = connection.execute(
            select(AuditRow.actor, AuditRow.why, AuditRow.after).where(AuditRow.action == "limit.released")
        )
        assert rows.all() == [("boss-1", "called back", done.model_dump(mode="json"))]


@pytest.mark.usefixtures("subscriptions")
def test_a_supervisor_releases_a_caller(engine: Engine) -> None:
    limited(engine, STARTS, CALLER, 1)
    opened(engine, "SUB-B-1")
    with Transaction.begin(engine) as transaction:
        limits.release(transaction, CALLER, "agent-7", actor="boss-1", at=NOON, reason="a campaign")

    opened(engine, "SUB-B-2")
    with pytest.raises(LimitReached):
        opened(engine, "SUB-B-3")


@pytest.mark.usefixtures("subscriptions")
@pytest.mark.parametrize(("scope", "subject"), [(ORGANIZATION, "ORG-B"), (CALLER, "agent-7")])
def test_nobody_releases_their_own_requests(engine: Engine, scope: LimitScope, subject: str) -> None:
    opened(engine, "SUB-B-1")

    with Transaction.begin(engine) as transaction, pytest.raises(ReleaseBySelf):
        limits.release(transaction, scope, subject, actor="Agent-7 ", at=NOON, reason="my own")


def test_an_organization_to_release_must_exist(engine: Engine) -> None:
    with Transaction.begin(engine) as transaction, pytest.raises(OrganizationNotFound):
        limits.release(transaction, ORGANIZATION, "ORG-9", actor="boss-1", at=NOON, reason="no such")

"""Releases of the limits across cases, by a supervisor."""

from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain.limits import LimitReached, LimitScope, ReleaseBySelf
from domain.requests import RequestIdReused
from records import limit_settings
from records.limit_settings import Limit
from records.transaction import Transaction
from storage.tables import AuditRow, LimitRow
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
        done = limit_settings.release(
            transaction, ORGANIZATION, "ORG-B", actor="boss-1", at=NOON, reason="called back", request="R1"
        )

    assert done.uses == 2, "the start and the code"
    assert code_for(engine, case, "second")
    with pytest.raises(LimitReached):
        code_for(engine, case, "third")
    with Transaction.begin(engine) as transaction:
        again = limit_settings.release(
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
        limit_settings.release(transaction, CALLER, "agent-7", actor="boss-1", at=NOON, reason="a campaign")

    opened(engine, "SUB-B-2")
    with pytest.raises(LimitReached):
        opened(engine, "SUB-B-3")


@pytest.mark.usefixtures("subscriptions")
@pytest.mark.parametrize(("scope", "subject"), [(ORGANIZATION, "ORG-B"), (CALLER, "agent-7")])
def test_nobody_releases_their_own_requests(engine: Engine, scope: LimitScope, subject: str) -> None:
    opened(engine, "SUB-B-1")

    with Transaction.begin(engine) as transaction, pytest.raises(ReleaseBySelf):
        limit_settings.release(transaction, scope, subject, actor="Agent-7 ", at=NOON, reason="my own")


def test_an_organization_to_release_must_exist(engine: Engine) -> None:
    with Transaction.begin(engine) as transaction, pytest.raises(OrganizationNotFound):
        limit_settings.release(transaction, ORGANIZATION, "ORG-9", actor="boss-1", at=NOON, reason="no such")


@pytest.mark.usefixtures("subscriptions")
def test_the_release_of_one_organization_leaves_the_limit_of_another_with_the_same_address(engine: Engine) -> None:
    limited(engine, CODES, ADDRESS, 2)
    limited(engine, CODES, ORGANIZATION, 1)
    of_b, of_c = (opened(engine, subscription).cancellation for subscription in ("SUB-B-1", "SUB-C-1"))
    code_for(engine, of_b)
    code_for(engine, of_c)
    with Transaction.begin(engine) as transaction:
        limit_settings.release(transaction, ORGANIZATION, "ORG-B", actor="boss-1", at=NOON, reason="called back")

    assert code_for(engine, of_b, "second")
    with pytest.raises(LimitReached) as reached:
        code_for(engine, of_c, "second")
    assert reached.value.values["scope"] == "organization"


@pytest.mark.usefixtures("subscriptions")
@pytest.mark.parametrize("number", [2, None])
def test_nobody_raises_a_limit_that_counts_their_own_requests(engine: Engine, number: int | None) -> None:
    limited(engine, STARTS, ORGANIZATION, 1)
    opened(engine, "SUB-B-1")
    higher = Limit(limited=STARTS, scope=ORGANIZATION, number=number)

    with Transaction.begin(engine) as transaction, pytest.raises(ReleaseBySelf):
        limit_settings.set_limit(transaction, higher, actor=" AGENT-7", at=NOON, reason="for me")
    with Transaction.begin(engine) as transaction:
        assert limit_settings.set_limit(transaction, higher, actor="boss-1", at=NOON, reason="a fair") == higher


def test_a_repeated_request_sets_nothing_again_and_another_one_under_its_id_is_refused(engine: Engine) -> None:
    def to(number: int, request: str) -> Limit:
        limit = Limit(limited=CODES, scope=ADDRESS, number=number)
        with Transaction.begin(engine) as transaction:
            return limit_settings.set_limit(
                transaction, limit, actor="admin", at=NOON, reason="a test", request=request
            )

    to(5, "R1")
    to(10, "R2")
    assert to(5, "R1").number == 5
    with pytest.raises(RequestIdReused):
        to(7, "R1")

    with Session(engine) as session:
        assert session.get_one(LimitRow, ("codes", "address")).number == 10
        rows = session.scalars(select(AuditRow.after).where(AuditRow.action == "limit.set"))
        assert [(after or {})["number"] for after in rows] == [5, 10]


@pytest.mark.usefixtures("subscriptions")
def test_a_release_under_the_id_of_another_one_is_refused(engine: Engine) -> None:
    about: dict[str, Any] = {"actor": "boss-1", "at": NOON, "reason": "called back", "request": "R"}
    with Transaction.begin(engine) as transaction:
        limit_settings.release(transaction, ORGANIZATION, "ORG-B", **about)

    with Transaction.begin(engine) as transaction, pytest.raises(RequestIdReused):
        limit_settings.release(transaction, ORGANIZATION, "ORG-C", **about)

"""The words of a bulk: found by an address, kept until 24 months after its end or under a legal hold, and then removed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from contract.bulk import RowStart
from domain.bulk import BulkKind
from domain.privacy import REMOVED
from records import audit_seals
from records.bulk import plans, steering
from records.bulk.retention import forget_bulks
from records.transaction import Transaction
from records.webhooks import endpoints
from storage.database import create_database_engine
from storage.refusals import violated_constraint
from storage.rights import DatabaseRole
from tests.records.ended_cases import changed, everything, forced, found
from tests.support.databases import as_role
from tests.support.import_documents import Document, Import

BULK = "bulk-0123456789abcdef"
BEGAN = datetime.fromisoformat("2023-11-22T12:00:00+00:00")
DUE = datetime.fromisoformat("2025-11-22T12:00:00+00:00")
PERSON = "zoe@example.com"
PLACES = {("bulk", BULK, 1), ("audit_trail", BULK, 2)}


@pytest.fixture
def bulk(engine: Engine, imported: Import, document: Document) -> Engine:
    """A bulk with a person's address in the name of its file and in its reasons, which was killed long ago."""
    imported(document)
    plan = plans.Plan(
        id=BULK, kind=BulkKind.ROWS, source=f"list of {PERSON}.csv", reason=f"{PERSON} asked for it", actor="agent-7",
        at=BEGAN, at_once=5, per_minute=120,
    )  # fmt: skip
    order = steering.Order(bulk=BULK, actor="lead", reason=f"{PERSON} changed her mind", at=BEGAN)
    with Transaction.begin(engine) as transaction:
        plans.keep_plan(transaction, plan, [plans.PlannedRow(2, "SUB-1", RowStart(subscription="SUB-1"))])
        steering.kill(transaction, order)
    changed(engine, "UPDATE bulk_rows SET organization = 'ORG-1'")
    with Transaction.begin(engine) as transaction:
        audit_seals.seal(transaction, at=BEGAN)
    return engine


@pytest.fixture
def worker(bulk: Engine, database_url: str) -> Iterator[Engine]:
    assert str(bulk.url.database) in database_url
    engine = create_database_engine(as_role(database_url, DatabaseRole.WORKER), pool_size=1)
    yield engine
    engine.dispose()


def forgotten(engine: Engine, at: datetime) -> int:
    with Transaction.begin(engine) as transaction:
        return forget_bulks(transaction, at=at, most=10)


def test_the_words_of_a_bulk_are_found_and_go_in_time(bulk: Engine, worker: Engine) -> None:
    kept = found(bulk, PERSON)
    assert {(each.place.value, each.about, each.number) for each in kept} == PLACES
    assert {each.until for each in kept} == {DUE}

    assert forgotten(worker, DUE - timedelta(seconds=1)) == 0
    assert forgotten(worker, DUE) == 2
    assert forgotten(worker, DUE) == 0
    assert found(bulk, PERSON) == []
    with bulk.connect() as connection:
        assert PERSON not in everything(connection)
        row = connection.execute(text("SELECT source, reason, halted_because, planned_by, total FROM bulks")).one()
    assert tuple(row) == (REMOVED, REMOVED, REMOVED, "agent-7", 1)
    with Session(bulk) as session:
        assert audit_seals.verify(session, at=BEGAN).holds


def test_a_legal_hold_keeps_the_words_of_a_bulk(bulk: Engine, worker: Engine) -> None:
    changed(
        bulk,
        "INSERT INTO holds (organization, reason, placed_by, placed_at, request) VALUES ('ORG-1', 'a court', 'lead', now(), 'h')",
    )
    assert {each.held for each in found(bulk, PERSON)} == {True}
    assert forgotten(worker, DUE) == 0
    assert {(each.place.value, each.about, each.number) for each in found(bulk, PERSON)} == PLACES
    removal = "why = NULL, why_digest = encode(sha256(convert_to(why, 'UTF8')), 'hex') WHERE action = 'bulk.planned'"
    with pytest.raises(DBAPIError, match="append-only"), worker.begin() as connection:
        connection.execute(text(f"UPDATE audit_trail SET {removal}"))  # noqa: S608 - a constant


def test_the_words_of_a_bulk_that_runs_are_kept_for_as_long(bulk: Engine, worker: Engine) -> None:
    forced(bulk, "UPDATE bulks SET state = 'planning', ended_at = NULL")
    assert {each.until for each in found(bulk, PERSON)} == {None}
    assert forgotten(worker, DUE) == 0


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE bulks SET reason = 'another one'", "bulk_words_stay"),
        ("UPDATE bulks SET source = 'another file', reason = '(removed)'", "bulk_words_stay"),
        ("UPDATE audit_trail SET why = NULL WHERE action = 'bulk.planned'", "audit_append_only"),
        (
            "UPDATE audit_trail SET why = 'another', why_digest = NULL WHERE action = 'bulk.planned'",
            "audit_append_only",
        ),
    ],
)
def test_a_worker_changes_the_words_of_a_bulk_in_no_other_way(worker: Engine, statement: str, rule: str) -> None:
    with pytest.raises(DBAPIError) as refused, worker.begin() as connection:
        connection.execute(text(statement))
    assert violated_constraint(refused.value) == rule


def test_the_owner_of_an_endpoint_is_found_until_the_endpoint_is_removed(engine: Engine) -> None:
    who: dict[str, Any] = {"actor": "operator-1", "at": datetime.now(UTC)}
    with Transaction.begin(engine) as transaction:
        endpoints.add(
            transaction, "crm", url="https://crm.example/", events=(), owner=PERSON, secret="k:1", request="a", **who
        )
    assert [(each.place.value, each.about, each.until) for each in found(engine, PERSON)] == [
        ("webhook_endpoint", "crm", None)
    ]
    with Transaction.begin(engine) as transaction:
        removed = endpoints.remove(transaction, "crm", reason="replaced", request="b", **who)
    assert removed.owner is None
    assert found(engine, PERSON) == []
    with Transaction.begin(engine) as transaction, engine.connect() as connection:
        again = endpoints.add(
            transaction, "crm", url="https://crm.example/", events=(), owner=PERSON, secret="k:1", request="a", **who
        )
        assert PERSON not in everything(connection)
    assert again == "k:1"

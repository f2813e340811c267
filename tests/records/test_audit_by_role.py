"""Entries of the audit trail by the role that writes them: nobody takes the place of a worker's entry before it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from records import audit
from records.cancellation import transitions
from records.transaction import Transaction
from storage.database import create_database_engine
from storage.refusals import RecordsConflict
from storage.rights import DatabaseRole
from tests.records.closed_cases import BOTH, CASE, case, step
from tests.support.import_documents import document, engine, imported
from tests.support.servers import as_role

__all__ = ["case", "document", "engine", "imported"]

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
STEP = "SUB-1/1:effect:canceled"
PLANTED = (
    "INSERT INTO audit_trail (at, actor, action, step, after) VALUES (now(), 'nobody', 'withdraw.refused', :step, '{}')"
)

Engines = dict[DatabaseRole, Engine]


@pytest.fixture
def engines(case: Engine, database_url: str) -> Iterator[Engines]:
    """A connection to the records as each role."""
    found = {role: create_database_engine(as_role(database_url, role), pool_size=1) for role in DatabaseRole}
    yield found
    for each in found.values():
        each.dispose()


def recorded(by: Engine, key: str | None = STEP, action: str = "cancellation.canceled") -> bool:
    with Transaction.begin(by) as transaction:
        return audit.record(transaction, action, actor="somebody", at=NOON, step=key, after={"request": "r"})


def keys(engine: Engine) -> list[str | None]:
    with engine.connect() as connection:
        return list(
            connection.scalars(text("SELECT step FROM audit_trail WHERE actor IN ('somebody', 'nobody') ORDER BY id"))
        )


def executed(by: Engine, statement: str, **values: object) -> int:
    with by.begin() as connection:
        return connection.execute(text(statement), values).rowcount


OTHERS = [DatabaseRole.CALLERS, DatabaseRole.PAGES]


@pytest.mark.parametrize("role", OTHERS)
def test_an_entry_that_was_planted_under_the_key_of_a_step_to_come_keeps_nothing_out(
    engines: Engines, engine: Engine, role: DatabaseRole
) -> None:
    executed(engines[role], PLANTED, step=STEP)

    assert recorded(engines[DatabaseRole.WORKER])
    with Session(engines[DatabaseRole.WORKER]) as session:
        assert audit.after_of(session, STEP) == {"request": "r"}, "the worker's own, and not the planted one"
        assert audit.is_from(session, STEP, "r")
    assert keys(engine) == [f"{role.removeprefix('offramp_')}:{STEP}", STEP]


@pytest.mark.parametrize("role", OTHERS)
def test_a_planted_entry_is_nothing_that_a_worker_has_done(engines: Engines, role: DatabaseRole) -> None:
    executed(engines[role], PLANTED, step=STEP)
    with Session(engines[DatabaseRole.WORKER]) as session:
        assert audit.after_of(session, STEP) is None
        assert audit.taken_of(session, [STEP]) == set()


@pytest.mark.parametrize("role", OTHERS)
def test_a_step_is_recorded_once_by_way_of_any_role(engines: Engines, engine: Engine, role: DatabaseRole) -> None:
    """A repetition after the end of a case goes by way of a caller, and finds what the worker has recorded."""
    assert recorded(engines[DatabaseRole.WORKER], "by-worker")
    assert not recorded(engines[role], "by-worker", "file.fetched")
    assert recorded(engines[role], "own", "file.fetched")
    assert not recorded(engines[role], "own", "file.fetched")
    with Session(engines[role]) as session:
        assert audit.after_of(session, "own") == {"request": "r"}
        assert audit.taken_of(session, ["own", "by-worker", "never"]) == {"own", "by-worker"}
    assert keys(engine) == ["by-worker", f"{role.removeprefix('offramp_')}:own"]


@pytest.mark.parametrize("role", OTHERS)
def test_every_entry_that_no_worker_has_written_says_so(engines: Engines, engine: Engine, role: DatabaseRole) -> None:
    for _ in range(2):
        assert recorded(engines[role], None, "file.fetched")
    found = keys(engine)
    assert len(set(found)) == 2
    assert all(key is not None and key.startswith(f"{role.removeprefix('offramp_')}:") for key in found)


def test_an_installation_whose_one_user_owns_the_tables_writes_as_its_worker_does(engine: Engine, case: Engine) -> None:
    assert recorded(engine)
    assert recorded(engine, None)
    assert keys(engine) == [STEP, None]


@pytest.mark.parametrize("action", ["cancellation.canceled", "billing_administrator.verified", "refused.not"])
def test_the_pages_record_what_was_fetched_or_refused_and_nothing_else(engines: Engines, action: str) -> None:
    with pytest.raises(DBAPIError, match="fetched or refused, and nothing else"):
        recorded(engines[DatabaseRole.PAGES], "x", action)


def test_no_case_moves_without_an_entry_of_its_move(engines: Engines, engine: Engine) -> None:
    worker = engines[DatabaseRole.WORKER]
    assert recorded(worker, f"{CASE}:prepare:preparing")
    with pytest.raises(RecordsConflict, match="is in stage intake"), Transaction.begin(worker, BOTH) as transaction:
        transitions.prepare(transaction, step("prepare"))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT stage FROM cancellations")) == "intake"


REQUEST = (
    "INSERT INTO requests (workflow_id, id, digest, cancellation, actor, at, accepted_at, refusal) "
    "VALUES ('w', :id, 'd', 'SUB-1/1', 'a', now(), {accepted}, {refusal})"
)


@pytest.fixture
def requests(engine: Engine, case: Engine) -> None:
    refusal = """'{"code": "too_late", "message": "it was"}'"""
    executed(engine, REQUEST.format(accepted="now()", refusal="NULL"), id="accepted")
    executed(engine, REQUEST.format(accepted="NULL", refusal=refusal), id="refused")
    executed(engine, REQUEST.format(accepted="NULL", refusal="NULL"), id="open")


@pytest.mark.usefixtures("requests")
@pytest.mark.parametrize("role", list(DatabaseRole))
@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE requests SET accepted_at = NULL WHERE id = 'accepted'",
        "UPDATE requests SET accepted_at = NULL, refusal = '{}' WHERE id = 'accepted'",
        "UPDATE requests SET refusal = NULL WHERE id = 'refused'",
        "UPDATE requests SET refusal = '{\"code\": \"another\"}' WHERE id = 'refused'",
        "UPDATE requests SET refusal = NULL, accepted_at = now() WHERE id = 'refused'",
        "UPDATE requests SET digest = 'x' WHERE id = 'open'",
        "UPDATE requests SET cancellation = 'SUB-2/1' WHERE id = 'open'",
        "LOCK TABLE requests IN ACCESS EXCLUSIVE MODE",
        "DELETE FROM requests",
    ],
)
def test_an_answered_request_stays_as_it_was_answered(engines: Engines, role: DatabaseRole, attack: str) -> None:
    with pytest.raises(DBAPIError, match=r"permission denied|is answered once"):
        executed(engines[role], attack)


@pytest.mark.usefixtures("requests")
def test_the_pages_accept_no_request_and_refuse_an_open_one(engines: Engines) -> None:
    pages = engines[DatabaseRole.PAGES]
    for attack in (
        "UPDATE requests SET accepted_at = now() WHERE id = 'open'",
        REQUEST.format(accepted="now()", refusal="NULL"),
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            executed(pages, attack, **({"id": "new"} if ":id" in attack else {}))
    assert executed(pages, "UPDATE requests SET refusal = '{\"code\": \"too_late\"}' WHERE id = 'open'") == 1


@pytest.mark.usefixtures("requests")
def test_of_a_refusal_the_words_can_be_removed(engines: Engines) -> None:
    forget = 'UPDATE requests SET refusal = \'{"code": "too_late", "message": "removed"}\' WHERE id = \'refused\''
    assert executed(engines[DatabaseRole.WORKER], forget) == 1

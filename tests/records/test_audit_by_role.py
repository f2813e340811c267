"""Entries of the audit trail by the role that writes them: nobody takes the place of a worker's entry before it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from records import audit, legal_holds
from records.audit_seals import seal, verify
from records.cancellation import transitions
from records.downloads import fetched_files, record_fetch
from records.tenants import record_review
from records.transaction import Transaction
from storage.database import create_database_engine
from storage.refusals import RecordsConflict
from storage.rights import DatabaseRole
from tests.records.closed_cases import BOTH, CASE, case, step
from tests.support.databases import as_role
from tests.support.import_documents import document, engine, imported

__all__ = ["case", "document", "engine", "imported"]

NOON = datetime.now(UTC)  # the pages record what happens now
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
        return audit.record(
            transaction, action, actor="somebody", at=NOON, step=key, after={"request": "r", "file": "a.csv"}
        )


def keys(engine: Engine) -> list[str | None]:
    with engine.connect() as connection:
        return list(
            connection.scalars(text("SELECT step FROM audit_trail WHERE actor IN ('somebody', 'nobody') ORDER BY id"))
        )


def executed_scalar(by: Engine, statement: str) -> int:
    with by.connect() as connection:
        return int(connection.scalar(text(statement)) or 0)


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
        assert audit.is_from(session, STEP, "r"), "the worker's own, and not the planted one"
    planted, own = keys(engine)
    assert str(planted).startswith(f"{role.removeprefix('offramp_')}:")
    assert own == STEP


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
    found = keys(engine)
    assert found[0] == "by-worker"
    assert [str(key).partition(":")[0] for key in found[1:]] == [role.removeprefix("offramp_")]


def test_callers_find_what_they_and_workers_have_recorded(engines: Engines) -> None:
    assert recorded(engines[DatabaseRole.WORKER], "by-worker")
    assert recorded(engines[DatabaseRole.CALLERS], "own")
    with Session(engines[DatabaseRole.CALLERS]) as session:
        assert audit.is_from(session, "own", "r")
        assert audit.taken_of(session, ["own", "by-worker", "never"]) == {"own", "by-worker"}


@pytest.mark.parametrize("role", OTHERS)
def test_a_planted_entry_keeps_the_true_one_of_the_same_role_out_neither(
    engines: Engines, engine: Engine, role: DatabaseRole
) -> None:
    executed(engines[role], PLANTED, step="own")
    assert recorded(engines[role], "own", "file.fetched")
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT actor, action FROM audit_trail WHERE actor IN ('somebody', 'nobody') ORDER BY id")
        )
        assert found.all() == [("nobody", "withdraw.refused"), ("somebody", "file.fetched")]


def test_holds_are_audited_whatever_was_planted_under_their_keys(engines: Engines, engine: Engine) -> None:
    callers = engines[DatabaseRole.CALLERS]
    for number in range(1, 5):
        for what in ("placed", "released"):
            executed(callers, PLANTED, step=f"hold/{number}:hold.{what}")
    with Transaction.begin(callers) as transaction:
        hold = legal_holds.place_hold(transaction, "ORG-1", reason="a lawsuit", actor="lawyer", at=NOON, request="r1")
    with Transaction.begin(callers) as transaction:
        legal_holds.release_hold(transaction, hold.id, reason="over", actor="judge", at=NOON, request="r2")
    with engine.connect() as connection:
        found = connection.execute(text("SELECT action, actor FROM audit_trail WHERE action LIKE 'hold.%' ORDER BY id"))
        assert found.all() == [("hold.placed", "lawyer"), ("hold.released", "judge")]


def test_a_fetched_file_is_shown_whatever_was_planted_under_its_key(engines: Engines, engine: Engine) -> None:
    pages, until = engines[DatabaseRole.PAGES], datetime(2026, 12, 29, 12, tzinfo=UTC)
    executed(pages, PLANTED, step=f"{CASE}:fetched:{until.timestamp():.0f}:customers.csv.gz")
    for _ in range(2):
        with Transaction.begin(pages) as transaction:
            record_fetch(transaction, CASE, "customers.csv.gz", link_until=until, actor="by link", at=NOON)
    with Session(engine) as session:
        assert [file.name for file in fetched_files(session, CASE)] == ["customers.csv.gz"]


ENTRY = "INSERT INTO audit_trail (at, actor, action, after) VALUES ({at}, 'nobody', 'withdraw.refused', {after})"


@pytest.mark.parametrize("role", list(DatabaseRole))
@pytest.mark.parametrize(
    ("at", "after"),
    [
        ("'294276-12-31'", "NULL"),
        ("'0044-01-01 BC'", "NULL"),
        ("now()", """'["goodwill_reason"]'"""),
        ("now()", "'[]'"),
        ("now()", "'5'"),
        ("'infinity'", "NULL"),
        ("'-infinity'", "NULL"),
    ],
)
def test_an_entry_that_nobody_could_read_is_not_added(
    engines: Engines, role: DatabaseRole, at: str, after: str
) -> None:
    with pytest.raises(DBAPIError, match=r"check constraint|what happens now"):
        executed(engines[role], ENTRY.format(at=at, after=after))


NESTED = "(repeat('{\"a\":', 30) || '1' || repeat('}', 30))::jsonb"


@pytest.mark.parametrize("role", OTHERS)
@pytest.mark.parametrize("after", ["""'{"n": 1e5000}'""", NESTED])
def test_what_a_reader_fails_at_is_a_workers_alone(engines: Engines, role: DatabaseRole, after: str) -> None:
    with pytest.raises(DBAPIError, match="hard to read"):
        executed(engines[role], ENTRY.format(at="now()", after=after))


@pytest.mark.parametrize("role", OTHERS)
@pytest.mark.parametrize("after", ["""'{"file": 5}'""", "'{}'", "NULL"])
def test_a_fetched_file_has_a_name(engines: Engines, role: DatabaseRole, after: str) -> None:
    with pytest.raises(DBAPIError, match="a fetched file has a name"):
        executed(engines[role], ENTRY.replace("withdraw.refused", "file.fetched").format(at="now()", after=after))


def test_the_pages_record_what_happens_now(engines: Engines) -> None:
    with pytest.raises(DBAPIError, match="what happens now"):
        executed(engines[DatabaseRole.PAGES], ENTRY.format(at="now() - interval '25 hours'", after="NULL"))


def test_the_reason_of_a_hold_is_the_true_one_whatever_was_planted(engines: Engines, engine: Engine) -> None:
    callers = engines[DatabaseRole.CALLERS]
    planted = (
        "INSERT INTO audit_trail (at, actor, action, why, after, step) VALUES (now(), 'lawyer', 'hold.placed', 'no reason', "
        '\'{"hold": 1, "organization": "ORG-1", "request": "r1"}\', \'hold/1:hold.placed\')'
    )
    executed(callers, planted)
    with Transaction.begin(callers) as transaction:
        legal_holds.place_hold(transaction, "ORG-1", reason="a lawsuit", actor="lawyer", at=NOON, request="r1")
    with engine.connect() as connection:
        reasons = connection.scalars(text("SELECT why FROM audit_trail WHERE action = 'hold.placed'")).all()
    assert "a lawsuit" in reasons


def test_a_second_review_of_the_same_code_lets_the_first_stand(engines: Engines) -> None:
    reviews = []
    for actor in ("ann", "bob"):
        with Transaction.begin(engines[DatabaseRole.CALLERS]) as transaction:
            reviews.append(record_review(transaction, "ORG-1", "d" * 64, actor=actor, at=NOON, reason="looked at it"))
    assert reviews[0] == reviews[1]
    assert reviews[0].reviewed_by == "ann"


@pytest.mark.parametrize("role", OTHERS)
def test_an_entry_of_any_size_is_a_workers_alone(engines: Engines, role: DatabaseRole) -> None:
    with pytest.raises(DBAPIError, match="a million bytes"):
        executed(engines[role], ENTRY.format(at="now()", after="jsonb_build_object('x', repeat('x', 1000000))"))


def test_the_words_of_no_change_are_looked_for_where_it_is_no_object(engine: Engine) -> None:
    with engine.connect() as connection:
        for change in ('["goodwill_reason"]', "5", "null"):
            assert (
                connection.scalar(text("SELECT audit_without_words(CAST(:c AS jsonb))::text"), {"c": change}) == change
            )


def test_an_entry_that_takes_its_time_is_sealed_after_those_that_overtook_it(engines: Engines, engine: Engine) -> None:
    """It takes its number when it begins, and is added when others with higher numbers are sealed long since."""
    begun = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO audit_trail%pg_sleep%' AND state = 'active'"
    sleeping = "INSERT INTO audit_trail (at, actor, action, why) VALUES (now(), 'nobody', 'withdraw.refused', pg_sleep(2)::text)"
    with ThreadPoolExecutor(1) as thread:
        late = thread.submit(executed, engines[DatabaseRole.PAGES], sleeping)
        while executed_scalar(engine, begun) == 0:
            assert not late.done()
        for number in range(3):
            assert recorded(engine, f"overtakes-{number}")
            with Transaction.begin(engine) as transaction:
                assert seal(transaction, at=NOON) > 0
        assert not late.done(), "the machine is too slow for this test"
        late.result()
    with Transaction.begin(engine) as transaction:
        assert seal(transaction, at=NOON) == 1
    with Session(engine) as session:
        assert verify(session, at=NOON).holds


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

"""The retention of personal data: what goes, what stays, what keeps it; and what is known about a person."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from domain.cancellation.identity import Identity
from domain.privacy import REMOVED, Kept
from domain.vocabulary import Stage
from records import audit_seals, legal_holds, privacy
from records.cancellation import transitions
from records.statuses import recorded_status_of
from records.transaction import Transaction
from storage.database import create_database_engine
from storage.rights import DatabaseRole
from storage.tables import Table
from tests.records.cancellation.opened_cases import COMPLETE, opened, step
from tests.records.closed_cases import erase
from tests.support.import_documents import Document, Import
from tests.support.servers import as_role

BEGAN = datetime.fromisoformat("2023-11-22T12:00:00+00:00")
"""Long ago by every clock: the database keeps what has not ended by its own."""
DUE = datetime.fromisoformat("2025-11-22T12:00:00+00:00")
"""24 months after the end of a case that was withdrawn as soon as it began."""

PERSON = "Ann@example.com"
WORDS = ("Ann Smith has left us", "Ann was on the phone", "she wrote to ann@example.com")


@pytest.fixture
def ended(engine: Engine, imported: Import, document: Document) -> Engine:
    """A cancellation with words of everybody's, withdrawn, and all of its letters delivered."""
    imported(document)
    case = opened(
        engine,
        at=BEGAN,
        reason=WORDS[0],
        reason_code="other",
        goodwill_reason=WORDS[2],
        attested_because=WORDS[1],
        answers=COMPLETE,
    ).cancellation
    with Transaction.begin(engine) as transaction:
        transitions.withdraw(transaction, step(case, "withdraw", BEGAN, why=f"{WORDS[0]} again"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE messages SET delivered_at = :at"), {"at": BEGAN})
        refusal = {"code": "answer_not_understood", "message": f"{PERSON} is no answer", "values": {"answer": PERSON}}
        connection.execute(
            text(
                "INSERT INTO requests (workflow_id, id, digest, cancellation, actor, at, refusal) "
                "VALUES ('w', 'u', 'd', 'SUB-1/1', 'agent-7', :at, CAST(:refusal AS jsonb))"
            ),
            {"at": BEGAN, "refusal": json.dumps(refusal)},
        )
    return engine


def forgotten(engine: Engine, at: datetime = DUE) -> list[str]:
    """The cases that are forgotten at an instant, by a worker with a worker's rights."""
    with Session(engine) as session:
        due = privacy.due_cases(session, at, most=10)
    for case in due:
        with Transaction.begin(engine) as transaction:
            assert privacy.forget(transaction, case, at=at)
    return due


def everything(connection: Connection, *but: str) -> str:
    """Every row of every table."""
    tables = [table for table in Table.metadata.sorted_tables if table.name not in but]
    return "\n".join(str(row) for table in tables for row in connection.execute(select(table)))


def trail(engine: Engine) -> Sequence[Any]:
    facts = "SELECT id, at, actor, action, subscription, cancellation, step FROM audit_trail ORDER BY id"
    with engine.connect() as connection:
        return connection.execute(text(facts)).all()


def changed(engine: Engine, *statements: str) -> int:
    """Change rows, and return how many the last statement has changed."""
    with engine.begin() as connection:
        return [connection.execute(text(statement)).rowcount for statement in statements][-1]


def seal(engine: Engine) -> None:
    with Transaction.begin(engine) as transaction:
        audit_seals.seal(transaction, at=BEGAN)


def found(engine: Engine, address: str = PERSON) -> Sequence[Kept]:
    with Session(engine) as session:
        return privacy.find(session, address)


def test_addresses_names_letters_and_words_are_removed_and_facts_stay(ended: Engine) -> None:
    before = trail(ended)

    assert forgotten(ended) == ["SUB-1/1"]

    with ended.connect() as connection:
        left = everything(connection, "organizations").lower()  # the record itself stays, with whatever was imported
        assert [word for word in (*WORDS, PERSON) if word.lower() in left] == []
        row = connection.execute(text("SELECT * FROM cancellations")).one()
        assert (row.stage, row.reason, row.reason_code, row.goodwill_reason) == ("withdrawn", None, "other", REMOVED)
        assert row.forgotten_at == DUE
        rows = connection.execute(text("SELECT question, answer FROM checklist_answers")).all()
        answers = {row.question: row.answer for row in rows}
        assert answers.pop("data") == "none"
        assert {answers[point] for point in Identity.model_fields} == {REMOVED}
        refusal = connection.scalar(text("SELECT refusal FROM requests WHERE id = 'u'"))
        assert refusal == {"code": "answer_not_understood", "message": REMOVED}
        after = connection.scalar(text("SELECT after FROM audit_trail WHERE action = 'personal_data.removed'"))
        assert after["answers"] == 3
        assert after["messages"] > 0
        assert after["contacts"] == 0
    assert list(trail(ended))[: len(before)] == list(before)


def test_the_status_of_a_forgotten_case_can_still_be_read(ended: Engine) -> None:
    forgotten(ended)

    with Session(ended) as session:
        status = recorded_status_of(session, "cancellation:SUB-1", "SUB-1/1")
    assert status is not None
    assert status.stage == Stage.WITHDRAWN
    repeated = opened(ended, at=BEGAN, reason=WORDS[0], answers=COMPLETE)
    assert repeated.cancellation == "SUB-1/1"


def test_nothing_is_removed_a_moment_too_early_and_nothing_twice(ended: Engine) -> None:
    assert forgotten(ended, DUE - timedelta(seconds=1)) == []
    assert forgotten(ended) == ["SUB-1/1"]
    assert forgotten(ended) == []
    with Transaction.begin(ended) as transaction:
        assert not privacy.forget(transaction, "SUB-1/1", at=DUE)


@pytest.mark.parametrize(("months", "due"), [(1, "2023-12-22"), (12, "2024-11-22"), (240, "2043-11-22")])
def test_the_policy_says_when(
    engine: Engine, imported: Import, document: Document, ended: Engine, months: int, due: str
) -> None:
    document["policies"]["patient"]["retention_months"] = months
    imported(document)
    over = datetime.fromisoformat(f"{due}T12:00:00+00:00")

    with Session(ended) as session:
        assert privacy.kept_until(session, "ORG-1", BEGAN) == over
    assert forgotten(ended, over - timedelta(seconds=1)) == []
    assert forgotten(ended, over) == ["SUB-1/1"]


def test_the_certificate_of_erasure_names_the_end_of_our_own_records(closed: Engine) -> None:
    changed(closed, "UPDATE cancellations SET ended_at = '2026-11-30T12:00:00Z'")

    assert erase(closed).own_records_until == datetime.fromisoformat("2028-11-30T12:00:00+00:00")


def test_a_legal_hold_keeps_everything_until_it_is_released(ended: Engine) -> None:
    with Transaction.begin(ended) as transaction:
        hold = legal_holds.place_hold(transaction, "ORG-1", reason="litigation", actor="legal", at=BEGAN, request="r")
    assert forgotten(ended) == []
    assert all(kept.held for kept in found(ended) if kept.until)
    with Transaction.begin(ended) as transaction:
        legal_holds.release_hold(transaction, hold.id, reason="settled", actor="legal", at=BEGAN, request="r2")

    assert forgotten(ended) == ["SUB-1/1"]


@pytest.mark.parametrize(
    "obstacle",
    [
        "UPDATE messages SET delivered_at = NULL",
        "UPDATE cancellations SET ended_at = NULL",
        "UPDATE cancellations SET stage = 'closed', access_ended_on = '2023-11-22', reversal_deadline = ended_at",
    ],
    ids=["an undelivered letter", "a case that runs", "data that is not erased"],
)
def test_what_is_not_done_keeps_its_addresses(ended: Engine, obstacle: str) -> None:
    with ended.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(obstacle))

    assert forgotten(ended) == []


def test_the_seals_hold_though_words_are_gone(ended: Engine) -> None:
    seal(ended)
    forgotten(ended)
    seal(ended)

    with Session(ended) as session:
        verified = audit_seals.verify(session)
        assert verified.holds
        assert (verified.seals, verified.unsealed) == (2, 0)


def test_words_within_a_change_stay_under_a_seal_of_the_first_form(
    ended: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its digest was made of them. The reason counted by its digest even then, and goes."""
    first_form = audit_seals._DIGEST.replace("audit_without_words(a.before)", "a.before").replace(
        "audit_without_words(a.after)", "a.after"
    )
    with monkeypatch.context() as before:
        before.setattr(audit_seals, "_DIGESTS", audit_seals._DIGESTS.replace(audit_seals._DIGEST, first_form))
        before.setattr(audit_seals, "FORM", 1)
        seal(ended)
    forgotten(ended)

    with Session(ended) as session:
        assert audit_seals.verify(session).holds
        entries = session.execute(text("SELECT why, after FROM audit_trail WHERE action = 'cancellation.opened'"))
        assert entries.one() == (None, {"stage": "intake", "reason_code": "other", "goodwill_reason": WORDS[2]})


REMOVAL = (
    "UPDATE audit_trail SET why = NULL, why_digest = encode(sha256(convert_to(why, 'UTF8')), 'hex') "
    "WHERE cancellation = 'SUB-1/1' AND why IS NOT NULL"
)


@pytest.mark.parametrize(
    "change",
    [
        REMOVAL.replace("why = NULL, why_digest = encode(sha256(convert_to(why, 'UTF8')), 'hex')", "why_digest = 'x'"),
        REMOVAL.replace("why = NULL, why_digest = encode(sha256(convert_to(why, 'UTF8')), 'hex')", "why = 'another'"),
        REMOVAL.replace("encode(sha256(convert_to(why, 'UTF8')), 'hex')", "NULL"),
        REMOVAL.replace("'UTF8'", "'LATIN1'").replace("convert_to(why", "convert_to('ä'"),
        REMOVAL.replace(" WHERE", ", actor = 'nobody' WHERE"),
        REMOVAL.replace(" WHERE", ", after = '{}' WHERE"),
        REMOVAL.replace(" WHERE", ", before = NULL, after = NULL WHERE"),
        "DELETE FROM audit_trail WHERE cancellation = 'SUB-1/1'",
    ],
)
def test_nothing_but_words_can_be_removed(ended: Engine, change: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        changed(ended, change)


@pytest.mark.parametrize(
    "reason",
    [
        "UPDATE cancellations SET ended_at = now() - interval '27 days'",
        "UPDATE cancellations SET ended_at = NULL",
        "INSERT INTO holds (organization, reason, placed_by, placed_at, request) VALUES ('ORG-1', 'litigation', 'legal', now(), 'r')",
    ],
)
def test_words_of_what_ended_lately_or_is_under_a_hold_cannot_be_removed(ended: Engine, reason: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        changed(ended, reason, REMOVAL)
    assert changed(ended, REMOVAL) > 0


def test_a_worker_has_the_rights_to_forget(ended: Engine, database_url: str) -> None:
    engine = create_database_engine(as_role(database_url, DatabaseRole.WORKER), pool_size=1)
    try:
        assert forgotten(engine) == ["SUB-1/1"]
    finally:
        engine.dispose()


def test_everything_that_is_kept_about_a_person_is_found(ended: Engine) -> None:
    kept = {(each.place.value, each.about): each for each in found(ended)}

    assert set(kept) == {
        ("organization", "ORG-1"),
        ("checklist", "SUB-1/1"),
        ("reason", "SUB-1/1"),
        ("letter", "SUB-1/1"),
        ("audit_trail", "SUB-1/1"),
        ("refusal", "SUB-1/1"),
    }
    assert {each.until for place, each in kept.items() if place[0] != "organization"} == {DUE}
    assert kept["organization", "ORG-1"].until is None
    assert found(ended, "somebody@else.example") == []


def test_nothing_but_the_record_is_found_about_somebody_who_was_forgotten(ended: Engine) -> None:
    forgotten(ended)

    assert [(each.place.value, each.about) for each in found(ended)] == [("organization", "ORG-1")]

"""Seals on the audit trail: what is under one can neither be changed nor be removed without its showing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from domain.audit_seals import AuditVerification, HeadMalformed, parse_head
from records import audit, audit_seals
from records.audit_seals import head_published_with, newest_head, seal, verify
from records.transaction import Transaction
from storage.database import create_database_engine

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def write(engine: Engine, *actors: str) -> None:
    """Add an entry for each actor, in a transaction of their own."""
    with Transaction.begin(engine) as transaction:
        for actor in actors:
            audit.record(
                transaction,
                "case.noted",
                actor=actor,
                at=NOON,
                why=f"by {actor}",
                after={"äöü": [1.50, None, "\u2028"]},
            )


def sealed(engine: Engine, at: datetime = NOON, **options: int) -> int:
    with Transaction.begin(engine) as transaction:
        return seal(transaction, at=at, **options)


def verified(engine: Engine, kept: str | None = None, *, at: datetime = NOON) -> AuditVerification:
    with Session(engine) as session:
        return verify(session, parse_head(kept) if kept else None, at=at)


def head(engine: Engine) -> str:
    with Session(engine) as session:
        return str(newest_head(session))


def tamper(engine: Engine, statement: str, *changes: str) -> None:
    """Do what only somebody can who owns the tables, and switches their triggers off."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        assert connection.execute(text(statement.format(*changes))).rowcount > 0


@pytest.fixture
def chain(engine: Engine) -> Engine:
    """Three seals of two entries each."""
    for number in range(3):
        write(engine, f"agent-{number}", f"agent-{number}")
        assert sealed(engine, NOON + timedelta(hours=number)) == 2
    return engine


def why(found: AuditVerification) -> dict[int, str]:
    return {broken.seal: broken.why for broken in found.broken}


def test_what_was_sealed_holds_and_what_came_since_is_counted(chain: Engine) -> None:
    write(chain, "agent-9")

    found = verified(chain)

    assert (found.seals, found.entries, found.unsealed, found.holds) == (3, 6, 1, True)
    assert str(found.newest) == head(chain)


def test_an_entry_that_waits_for_hours_for_its_seal_is_found(chain: Engine) -> None:
    """Until then it could be changed unseen: the reconciliation, which seals every hour, does not run, or is kept from it."""
    write(chain, "agent-9")

    assert verified(chain, at=NOON + timedelta(hours=5)).holds, "three hours after the newest seal"
    found = verified(chain, at=NOON + timedelta(hours=5, minutes=1))

    assert why(found) == {4: "1 entries have waited for it for more than 3 hours"}
    assert sealed(chain) == 1
    assert verified(chain, at=NOON + timedelta(days=30)).holds


def test_an_entry_that_every_seal_has_passed_by_is_found(chain: Engine) -> None:
    tamper(
        chain,
        "INSERT INTO audit_trail (id, at, actor, action) OVERRIDING SYSTEM VALUE VALUES (-7, '{}', 'x', 'y')",
        str(NOON),
    )
    write(chain, "agent-9")
    assert sealed(chain) == 1

    assert why(verified(chain)) == {4: "1 entries before it are under no seal, and never will be"}


def test_without_new_entries_there_is_no_new_seal(chain: Engine) -> None:
    before = head(chain)

    assert sealed(chain) == 0
    assert head(chain) == before


def test_before_the_first_seal_there_is_no_head(engine: Engine) -> None:
    write(engine, "agent-1")

    found = verified(engine)

    assert (found.seals, found.unsealed, found.newest, found.holds) == (0, 1, None, True)


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'somebody else'",
        "why = 'another reason'",
        "why = NULL",
        "at = at + interval '1 microsecond'",
        "action = 'case.denied'",
        "after = jsonb_build_object()",
        "before = jsonb_build_object()",
        "subscription = 'SUB-1'",
        "step = 'another'",
    ],
)
def test_a_changed_entry_shows(chain: Engine, change: str) -> None:
    tamper(chain, "UPDATE audit_trail SET {} WHERE id = 3", change)

    assert why(verified(chain)) == {2: "an entry is not as it was sealed"}


def test_a_removed_entry_shows(chain: Engine) -> None:
    tamper(chain, "DELETE FROM audit_trail WHERE id = 4")

    assert why(verified(chain)) | {3: ""} == {2: "1 entries are left of 2", 3: ""}


def test_a_removed_entry_shows_also_when_its_mark_is_removed(chain: Engine) -> None:
    tamper(chain, "DELETE FROM audit_sealed WHERE entry = 4")
    tamper(chain, "DELETE FROM audit_trail WHERE id = 4")

    assert why(verified(chain)) == {2: "1 entries are left of 2"}


def test_an_entry_that_is_put_under_an_old_seal_shows(chain: Engine) -> None:
    write(chain, "agent-9")
    tamper(chain, "INSERT INTO audit_sealed (entry, seal) SELECT max(id), 1 FROM audit_trail")

    assert why(verified(chain)) == {1: "3 entries are left of 2"}


def test_a_removed_seal_leaves_a_gap(chain: Engine) -> None:
    tamper(chain, "DELETE FROM audit_sealed WHERE seal = 2")
    tamper(chain, "DELETE FROM audit_seals WHERE number = 2")
    tamper(chain, "DELETE FROM audit_trail WHERE id IN (3, 4)")

    assert why(verified(chain)) == {3: "it does not continue the chain"}


def test_an_entry_whose_seal_is_gone_shows(chain: Engine) -> None:
    tamper(chain, "DELETE FROM audit_seals WHERE number = 3")

    assert why(verified(chain)) == {2: "6 entries are marked as sealed, and 4 are under seals"}


def test_a_forged_seal_shows(chain: Engine) -> None:
    tamper(chain, "UPDATE audit_trail SET actor = 'somebody else' WHERE id = 3")
    tamper(chain, "UPDATE audit_seals SET digest = '{}' WHERE number = 2", "a" * 64)

    assert set(why(verified(chain))) == {2}


def test_a_head_that_was_kept_proves_that_nothing_before_it_was_rewritten(chain: Engine) -> None:
    kept = head(chain)
    assert verified(chain, kept).holds

    tamper(chain, "DELETE FROM audit_sealed WHERE seal = 3")
    tamper(chain, "DELETE FROM audit_seals WHERE number = 3")
    assert verified(chain).holds  # a shorter chain is a chain; only somebody who kept the head knows better
    assert why(verified(chain, kept)) == {3: "the seal of the head that was kept is gone"}

    tamper(chain, "UPDATE audit_trail SET actor = 'somebody else' WHERE id = 5")
    assert sealed(chain) == 2
    assert verified(chain).holds
    assert why(verified(chain, kept)) == {3: "its head is not the one that was kept"}


def test_an_entry_of_a_transaction_that_took_long_is_sealed_later(engine: Engine) -> None:
    with Session(engine, autoflush=False) as slow, slow.begin():
        audit.record(Transaction(slow), "case.noted", actor="slow", at=NOON)
        for number in range(3):
            write(engine, f"quick-{number}")
            assert sealed(engine) == 1
    assert verified(engine).unsealed == 1

    assert sealed(engine) == 1
    for number in range(3):
        write(engine, f"after-{number}")
        assert sealed(engine) == 1

    found = verified(engine)
    assert (found.entries, found.unsealed, found.holds) == (7, 0, True)
    with Session(engine) as session:
        looks_from = session.scalar(text("SELECT max(settled_until) FROM audit_seals"))
    assert looks_from == 6  # everything up to the last but one, the slow one too, is never looked at again


def test_an_entry_that_is_begun_while_others_are_sealed_is_not_forgotten(engine: Engine) -> None:
    write(engine, "before")
    others, pending = create_database_engine(engine.url), ["two entries, of which the first is committed late"]
    with Session(others, autoflush=False) as slow, slow.begin():

        def meanwhile(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if "INSERT INTO audit_sealed" in statement and pending:
                pending.clear()
                audit.record(Transaction(slow), "case.noted", actor="slow", at=NOON)
                write(others, "quick")

        event.listen(engine, "before_cursor_execute", meanwhile)
        assert sealed(engine) == 2
        write(engine, "after")
        assert sealed(engine) == 1

    others.dispose()
    assert sealed(engine) == 1
    assert (verified(engine).entries, verified(engine).unsealed) == (4, 0)


def test_many_entries_are_sealed_in_parts_none_of_which_is_forgotten(engine: Engine) -> None:
    write(engine, *(f"agent-{number}" for number in range(25)))

    assert [sealed(engine, most=10) for _ in range(4)] == [10, 10, 5, 0]

    write(engine, "agent-25")
    assert sealed(engine, most=10) == 1
    assert (verified(engine).entries, verified(engine).unsealed, verified(engine).holds) == (26, 0, True)


def test_a_verification_does_not_depend_on_the_settings_of_its_session(chain: Engine) -> None:
    span = {"first": 1, "last": 3}
    with Session(chain) as session:
        before = session.execute(text(audit_seals._DIGESTS), span).all()
        for setting in (
            "timezone = 'Pacific/Chatham'",
            "datestyle = 'German, DMY'",
            "intervalstyle = 'iso_8601'",
            "bytea_output = 'escape'",
            "extra_float_digits = 0",
            "lc_time = 'C'",
        ):
            session.execute(text(f"SET LOCAL {setting}"))

        assert session.execute(text(audit_seals._DIGESTS), span).all() == before


@pytest.mark.parametrize("table", ["audit_trail", "audit_sealed", "audit_seals"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_even_the_owner_does_not_change_it_by_mistake(chain: Engine, table: str, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), chain.begin() as connection:
        connection.execute(text(statement.format(table)))

    assert verified(chain).holds


def test_a_message_carries_the_head_of_some_minutes_before_it(chain: Engine) -> None:
    def carried(minutes: int) -> int | None:
        with Session(chain) as session:
            found = head_published_with(session, NOON + timedelta(minutes=minutes))
        return found.seal if found else None

    assert [carried(minutes) for minutes in (4, 5, 64, 65, 600)] == [None, 1, 1, 2, 3]


@pytest.mark.parametrize("text_", ["", "3", "3:abc", f"0:{'a' * 64}", f"3:{'A' * 64}", f"3:{'a' * 65}"])
def test_a_head_that_is_none_is_refused(text_: str) -> None:
    with pytest.raises(HeadMalformed):
        parse_head(text_)

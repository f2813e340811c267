"""Who writes to the audit trail: what is below an entry that was read has come, unless one of them still goes on."""

from datetime import UTC, datetime

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from records import audit
from records.audit_seals import seal, verify
from records.snapshots import Writers, writers
from records.transaction import Transaction
from storage.database import create_database_engine
from storage.tables import AuditSealRow

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def write(engine: Engine) -> None:
    with Transaction.begin(engine) as transaction:
        assert audit.record(transaction, "case.noted", actor="agent-1", at=NOON)


def sealed(engine: Engine) -> int:
    with Transaction.begin(engine) as transaction:
        return seal(transaction, at=NOON)


def asked(engine: Engine) -> Writers:
    with Session(engine) as session:
        return writers(session)


def test_a_writer_counts_from_its_entry_to_its_end_and_a_reader_never(engine: Engine) -> None:
    write(engine)
    assert not asked(engine).beyond
    with Session(engine) as session:
        session.execute(text("SELECT id FROM audit_trail FOR SHARE"))
        assert not asked(engine).beyond, "it has a number, and no entry"
        assert audit.record(Transaction(session), "case.noted", actor="agent-1", at=NOON)
        number = session.scalar(text("SELECT pg_current_xact_id()::text::bigint"))
        assert isinstance(number, int)
        found = asked(engine)
        assert found == Writers(oldest=number, beyond=number + 1)
        assert not writers(session).beyond, "it does not wait for itself"
        session.commit()
    assert asked(engine).oldest >= found.beyond


def test_nothing_is_settled_while_a_writer_has_no_number_yet(engine: Engine) -> None:
    """It may have the number of its entry already."""
    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE audit_trail IN ROW EXCLUSIVE MODE"))
        found = asked(engine)
    assert found.oldest < asked(engine).oldest < found.beyond


def test_a_seal_is_made_beside_a_writer_that_no_later_transaction_has_passed(engine: Engine) -> None:
    """To PostgreSQL, whoever began after the newest transaction that has ended has yet to begin: its number is none of a snapshot's."""
    write(engine)
    with Session(engine) as going_on:
        assert audit.record(Transaction(going_on), "case.noted", actor="slow", at=NOON)
        assert sealed(engine) == 1
        going_on.commit()
    assert sealed(engine) == 1
    with Session(engine) as session:
        assert verify(session, at=NOON).holds


def test_a_seal_is_made_beside_a_writer_that_has_no_number_yet(engine: Engine) -> None:
    write(engine)
    with engine.connect() as going_on:
        going_on.execute(text("LOCK TABLE audit_trail IN ROW EXCLUSIVE MODE"))
        assert sealed(engine) == 1
    write(engine)
    assert sealed(engine) == 1
    with Session(engine) as session:
        assert verify(session, at=NOON).holds


def test_no_transaction_of_another_database_keeps_seals_from_settling(engine: Engine) -> None:
    """An organization may leave one open in its own; each seal would look at all entries since."""
    other = create_database_engine(engine.url.set(database="postgres").render_as_string(hide_password=False))
    with other.connect() as idle:
        idle.execute(text("SELECT pg_current_xact_id()"))
        for _ in range(3):
            write(engine)
            assert sealed(engine) == 1
        with Session(engine) as session:
            newest = session.scalars(select(AuditSealRow).order_by(AuditSealRow.number.desc())).first()
        assert newest is not None
        assert newest.settled_until == newest.newest_entry - 1
    other.dispose()


def test_an_entry_of_a_writer_that_goes_on_is_sealed_after_those_of_higher_numbers(engine: Engine) -> None:
    with Session(engine) as slow:
        assert audit.record(Transaction(slow), "case.noted", actor="slow", at=NOON)
        slow.flush()
        for _ in range(3):
            write(engine)
            assert sealed(engine) == 1
        slow.commit()
    assert sealed(engine) == 1
    with Session(engine) as session:
        assert verify(session, at=NOON).holds

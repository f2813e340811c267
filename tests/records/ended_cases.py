"""A cancellation with everybody's words that ended long ago, and what is left of it."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.orm import Session

from domain.privacy import Kept
from records import audit_seals, privacy
from records.cancellation import transitions
from records.transaction import Transaction
from storage.database import create_database_engine
from storage.rights import DatabaseRole
from storage.tables import Table
from tests.records.cancellation.opened_cases import COMPLETE, opened, step
from tests.support.databases import as_role
from tests.support.import_documents import Document, Import

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
    forced(engine, "UPDATE cancellations SET end_recorded_at = ended_at")
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


def forced(engine: Engine, statement: str) -> None:
    """Do what only the owner of the tables can, who switches their triggers off."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        assert connection.execute(text(statement)).rowcount > 0


def seal(engine: Engine) -> None:
    with Transaction.begin(engine) as transaction:
        audit_seals.seal(transaction, at=BEGAN)


def found(engine: Engine, address: str = PERSON) -> Sequence[Kept]:
    with Session(engine) as session:
        return privacy.find(session, address)


@pytest.fixture
def worker(ended: Engine, database_url: str) -> Iterator[Engine]:
    """A connection with the rights of a worker."""
    assert str(ended.url.database) in database_url
    engine = create_database_engine(as_role(database_url, DatabaseRole.WORKER), pool_size=1)
    yield engine
    engine.dispose()

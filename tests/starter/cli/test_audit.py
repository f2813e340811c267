"""``offramp audit``: the verification of the audit trail at a terminal and for programs, and the head that is kept elsewhere."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from records import audit
from records.audit_seals import seal
from records.transaction import Transaction
from storage.database import create_database_engine
from storage.rights import DatabaseRole
from tests.support.command_line import CommandLine
from tests.support.databases import as_role

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    owner = create_database_engine(database_url, pool_size=1)
    yield owner
    owner.dispose()


@pytest.fixture
def offramp(database_url: str) -> CommandLine:
    return CommandLine({"COLUMNS": "200", "OFFRAMP_DATABASE_URL": as_role(database_url, DatabaseRole.CALLERS)})


def sealed(engine: Engine, entries: int) -> None:
    with Transaction.begin(engine) as transaction:
        for _ in range(entries):
            audit.record(transaction, "case.noted", actor="agent-7", at=NOW)
    with Transaction.begin(engine) as transaction:
        seal(transaction, at=NOW)


def test_a_trail_that_is_as_it_was_sealed(offramp: CommandLine, engine: Engine) -> None:
    assert "Nothing is sealed yet" in offramp.call("audit", "head").out
    sealed(engine, 3)

    said = offramp.call("audit", "verify")
    head = offramp.call("audit", "head").out.strip()

    assert said.status == 0
    assert "The audit trail is as it was sealed: 3 entries under 1 seal." in said.out
    assert head in said.out
    assert head.startswith("1:")
    sealed(engine, 1)
    assert offramp.call("audit", "verify", "--head", head).status == 0
    assert offramp.call("audit", "verify", "--json").json["entries"] == 4


def test_a_trail_that_was_changed_is_named_by_its_seal(offramp: CommandLine, engine: Engine) -> None:
    sealed(engine, 3)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE audit_trail SET actor = 'nobody' WHERE id = 2"))

    said = offramp.call("audit", "verify")

    assert said.status == 1
    assert "seal 1: an entry is not as it was sealed" in said.out
    assert "The audit trail is not as it was sealed" in said.out


def test_what_is_no_head_is_refused(offramp: CommandLine) -> None:
    said = offramp.call("audit", "verify", "--head", "latest")

    assert said.status == 1
    assert "audit_head_malformed" in said.err

"""The nightly update beside other transactions: rows that are locked, read or changed there."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from domain.lines.runs import Scope
from records.lines.nightly import update_chunk
from records.lines.runs import open_run
from records.transaction import Transaction
from storage.tables import (
    SubscriptionLineRow,
)
from tests.records.lines.nightly_runs import (
    DUE,
    ENDED,
    NOW,
    TODAY,
    Add,
    all_lines,
    dates,
    line,
    run,
    trail,
)


@contextmanager
def holding(engine: Engine, statement: str) -> Iterator[None]:
    """Hold rows in a transaction of somebody else's."""
    with engine.connect() as other, other.begin():
        other.execute(text(statement))
        yield


def test_a_line_that_somebody_holds_is_passed_by_and_the_next_pass_comes_back_to_it(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    add("L2", **DUE)
    with holding(engine, "SELECT FROM subscription_lines WHERE id = 'L1' FOR UPDATE"):
        progress = run(engine)
        assert (progress.rolled, progress.busy) == (1, 1)
    progress = run(engine)
    assert (progress.rolled, progress.busy) == (2, 0)


@pytest.mark.parametrize(
    "held",
    [
        "SELECT FROM subscriptions WHERE id = 'SUB-1' FOR UPDATE",
        "SELECT FROM contract_lines WHERE subscription_line = 'L1' FOR UPDATE",
    ],
    ids=["subscription", "contract line"],
)
def test_a_line_is_not_closed_while_somebody_holds_what_closes_with_it(engine: Engine, add: Add, held: str) -> None:
    add("L1", contract="CC-1", **ENDED)
    add("L2", "SUB-2", contract="CC-1", **ENDED)
    with holding(engine, held):
        progress = run(engine, limit=1)
        assert (progress.closed, progress.busy) == (1, 1)
        assert not line(engine, "L1").closed
    assert run(engine).closed == 2


def test_what_somebody_changed_before_the_line_was_held_is_not_overwritten(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    with Transaction.begin(engine) as transaction:
        open_run(transaction, "run", as_of=TODAY, zone="UTC", scope=Scope(), actor="tester", at=NOW)
        transaction.session.get_one(SubscriptionLineRow, "L1").cancellation_possible_until = date(2026, 10, 15)
    assert run(engine).rolled == 0
    assert dates(engine, "L1") == (date(2026, 12, 31), date(2026, 10, 15))


def test_a_reader_that_reads_for_long_neither_waits_nor_makes_the_update_wait(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as reader, reader.begin():
        before = all_lines(reader)
        assert run(engine).rolled == 1
        assert all_lines(reader) == before


def test_a_transaction_that_broke_off_leaves_the_run_where_it_was(engine: Engine, add: Add) -> None:
    for number in range(3):
        add(f"L{number}", **DUE)
    with Transaction.begin(engine) as transaction:
        open_run(transaction, "run", as_of=TODAY, zone="UTC", scope=Scope(), actor="tester", at=NOW)
    with Transaction.begin(engine) as transaction:
        update_chunk(transaction, "run", at=NOW, limit=2)
    with Session(engine) as session:  # closed without a commit, as by a crash
        update_chunk(Transaction(session), "run", at=NOW, limit=2)
    progress = run(engine, limit=2)
    assert progress.rolled == 3
    assert len(trail(engine)) == 3

"""A run of the update of line dates is taken back from its rows in the audit trail (rules, section 5)."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from domain.lines.restoration import RunInProgress, RunRestored, RunUnknown
from records.lines.restoration import check_ended, restore_chunk
from records.lines.runs import finish_run
from records.transaction import Transaction
from storage.tables import AuditRow, ContractLineRow, SubscriptionLineRow, SubscriptionRow
from tests.records.lines.nightly_runs import DUE, ENDED, NOW, TODAY, Add, all_lines, dates, line, run, trail

LATER = NOW + timedelta(hours=9)
WRONG_DAY = date(2028, 1, 1)


def restore(engine: Engine, name: str = "run", *, limit: int = 1_000) -> RunRestored:
    """Take a run back, chunk by chunk."""
    result, after = RunRestored(run=name), ""
    while True:
        with Transaction.begin(engine) as transaction:
            chunk = restore_chunk(transaction, name, actor="owl", why="wrong day", at=LATER, after=after, limit=limit)
        result = chunk.added_to(result)
        if chunk.last_line is None:
            return result
        after = chunk.last_line


def change(engine: Engine, name: str, action: str = "line.imported", **dates: Any) -> None:
    """Change a line's dates as somebody else does, with a row in the audit trail."""
    with Session(engine) as session, session.begin():
        row = session.get_one(SubscriptionLineRow, name)
        for field, value in dates.items():
            setattr(row, field, value)
        after = {field: value and value.isoformat() for field, value in dates.items()}
        session.add(AuditRow(at=NOW, actor="importer", action=action, subscription_line=name, after=after))


def state(engine: Engine) -> tuple[Any, ...]:
    """Everything that a run changes."""
    with engine.connect() as connection, Session(engine) as session:
        places = {row.subscription_line: row.closed for row in session.scalars(select(ContractLineRow))}
        ends = {row.id: row.provision_end_date for row in session.scalars(select(SubscriptionRow))}
        return all_lines(connection), places, ends


def test_a_run_for_a_wrong_day_is_taken_back_and_every_line_says_by_whom_when_and_why(engine: Engine, add: Add) -> None:
    add("L1", contract="CC-1", **DUE)
    add("L2", contract="CC-1", **DUE)
    add("L3", "SUB-2", contract="CC-2", **ENDED, term_until=date(2026, 9, 30))
    before = state(engine)
    done = run(engine, WRONG_DAY)
    assert (done.rolled, done.closed) == (2, 1)
    assert state(engine)[2] == {"SUB-1": None, "SUB-2": date(2026, 9, 30)}

    assert restore(engine) == RunRestored(run="run", restored=3)
    assert state(engine) == before
    rows = [row for row in trail(engine) if row.action == "line.restored"]
    assert [row.subscription_line for row in rows] == ["L1", "L2", "L3"]
    for row in rows:
        assert (row.actor, row.at, row.run, row.why) == ("owl", LATER, "run", "wrong day (takes back run)")
    assert rows[0].before == {
        "term_until": "2028-12-31", "cancellation_possible_until": "2028-09-30", "end_date": None, "closed": False,
    }  # fmt: skip
    assert rows[0].after == {
        "term_until": "2026-12-31", "cancellation_possible_until": "2026-09-30", "end_date": None, "closed": False,
    }  # fmt: skip
    assert trail(engine)[-1].action == "subscription.provision_restored"


def test_taken_back_twice_it_changes_nothing_and_writes_nothing(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    add("L2", "SUB-2", **ENDED)
    run(engine)
    restore(engine)
    before, kept = state(engine), len(trail(engine))
    assert restore(engine) == RunRestored(run="run", restored_before=2)
    assert (state(engine), len(trail(engine))) == (before, kept)


def test_it_is_taken_back_in_chunks_and_a_repetition_continues_after_the_last(engine: Engine, add: Add) -> None:
    for number in range(5):
        add(f"L{number}", **DUE)
    run(engine)
    with Transaction.begin(engine) as transaction:
        first = restore_chunk(transaction, "run", actor="owl", why="wrong day", at=LATER, limit=2)
    assert (first.restored, first.last_line) == (2, "L1")
    result = restore(engine, limit=2)
    assert (result.restored, result.restored_before, result.left) == (3, 2, 0)


def test_a_line_that_was_changed_since_is_left_alone_and_named(engine: Engine, add: Add) -> None:
    for name in ("L1", "L2", "L3"):
        add(name, **DUE)
    run(engine)
    change(engine, "L1", cancellation_possible_until=date(2027, 10, 31))
    change(engine, "L2", cancellation_possible_until=date(2027, 10, 31))
    change(engine, "L2", cancellation_possible_until=date(2027, 9, 30))  # as the run left it, and still somebody's word
    result = restore(engine)
    assert (result.restored, result.left) == (1, 2)
    assert [(left.id, left.subscription, left.code) for left in result.left_lines] == [
        ("L1", "SUB-1", "line_changed_since"),
        ("L2", "SUB-1", "line_changed_since"),
    ]
    assert dates(engine, "L1") == (date(2027, 12, 31), date(2027, 10, 31))
    assert dates(engine, "L2") == (date(2027, 12, 31), date(2027, 9, 30))
    assert dates(engine, "L3") == (date(2026, 12, 31), date(2026, 9, 30))


def test_a_change_that_nobody_audited_is_seen_by_the_dates(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    run(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE subscription_lines SET end_date = '2027-12-31'"))
    assert [left.code for left in restore(engine).left_lines] == ["line_changed_since"]


def test_a_line_that_a_cancellation_froze_since_is_left_alone_and_the_cancellation_is_named(
    engine: Engine, add: Add
) -> None:
    add("L1", **DUE)
    run(engine)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, "
                "received_at, received_on) VALUES ('SUB-1/1', 'SUB-1', 1, 'r', 'w', 'a', 'intake', now(), '2026-10-02')"
            )
        )
        connection.execute(text("UPDATE subscription_lines SET frozen_by = 'SUB-1/1'"))
    [left] = restore(engine).left_lines
    assert left.code == "line_frozen_since"
    assert "SUB-1/1" in left.message
    assert dates(engine, "L1") == (date(2027, 12, 31), date(2027, 9, 30))


@pytest.mark.parametrize(
    "locked",
    [
        "SELECT FROM subscription_lines WHERE id = 'L1' FOR UPDATE",
        "SELECT FROM contract_lines WHERE subscription_line = 'L1' FOR UPDATE",
        "SELECT FROM subscriptions WHERE id = 'SUB-1' FOR UPDATE",
    ],
    ids=["line", "contract line", "subscription"],
)
def test_a_line_that_somebody_has_locked_is_named_and_taken_back_by_a_repetition(
    engine: Engine, add: Add, locked: str
) -> None:
    add("L1", contract="CC-1", **ENDED)
    run(engine)
    with engine.connect() as other, other.begin():
        other.execute(text(locked))
        assert [left.code for left in restore(engine).left_lines] == ["line_locked"]
    assert line(engine, "L1").closed
    assert restore(engine).restored == 1
    assert not line(engine, "L1").closed


def test_runs_are_taken_back_from_the_newest_to_the_oldest(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    run(engine, name="first")
    run(engine, WRONG_DAY, name="second")
    assert [left.code for left in restore(engine, "first").left_lines] == ["line_changed_since"]
    assert restore(engine, "second").restored == 1
    assert dates(engine, "L1") == (date(2027, 12, 31), date(2027, 9, 30))
    assert restore(engine, "first").restored == 1
    assert dates(engine, "L1") == (date(2026, 12, 31), date(2026, 9, 30))


def test_a_line_that_a_run_rolled_and_then_closed_gets_the_dates_from_before_both(engine: Engine, add: Add) -> None:
    """Another pass of the same run meets it again, since somebody invoiced it between the two."""
    add("L1", **{**DUE, "end_date": date(2026, 9, 30), "next_billing_date": date(2026, 9, 1)})
    run(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE subscription_lines SET next_billing_date = '2026-10-01'"))
    assert run(engine).closed == 1
    assert restore(engine) == RunRestored(run="run", restored=1)
    assert (dates(engine, "L1"), line(engine, "L1").closed) == ((date(2026, 12, 31), date(2026, 9, 30)), False)


def test_the_next_update_does_again_what_is_due_by_then_and_no_more(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    add("L2", subsequent_term="1Y", notice_period="3M", term_until=date(2027, 12, 31),
        cancellation_possible_until=date(2027, 9, 30))  # fmt: skip
    run(engine, WRONG_DAY, name="wrong")
    restore(engine, "wrong")
    assert run(engine, TODAY, name="right").rolled == 1
    assert dates(engine, "L1") == (date(2027, 12, 31), date(2027, 9, 30))
    assert dates(engine, "L2") == (date(2027, 12, 31), date(2027, 9, 30))


def test_a_run_that_is_not_there_or_has_not_ended_is_refused(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    run(engine)
    with Session(engine) as session, pytest.raises(RunInProgress):
        check_ended(session, "run")
    with Transaction.begin(engine) as transaction:
        finish_run(transaction, "run", NOW)
        check_ended(transaction.session, "run")
    with Session(engine) as session, pytest.raises(RunUnknown):
        check_ended(session, "ru")

"""Lines that have ended and can never close, because they have no next billing date, are named by every run."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from domain.lines.runs import LineDatesProgress, Scope
from records.lines.nightly import FAILURES_KEPT
from records.lines.runs import finish_run, progress_of
from records.transaction import Transaction
from tests.records.lines.nightly_runs import NOW, TODAY, Add, run

ENDED = date(2026, 9, 30)


def finished(engine: Engine, **wish: Any) -> LineDatesProgress:
    """A run to its end."""
    run(engine, **wish)
    with Transaction.begin(engine) as transaction:
        return finish_run(transaction, "run", NOW)


def test_it_is_counted_and_named_with_the_reason(engine: Engine, add: Add) -> None:
    add("L1", end_date=ENDED)
    progress = finished(engine)
    assert (progress.never_billed, progress.closed, progress.failed) == (1, 0, 0)
    [named] = progress.never_billed_lines
    assert (named.id, named.subscription, named.code) == ("L1", "SUB-1", "line_never_billed")
    assert named.message.startswith("Line L1 ended on 2026-09-30 and stays open")
    with Session(engine) as session:
        assert progress_of(session, "run") == progress


@pytest.mark.parametrize(
    "fields",
    [
        {"end_date": TODAY},
        {"end_date": None},
        {"end_date": ENDED, "next_billing_date": date(2026, 9, 1)},
        {"end_date": ENDED, "closed": True},
    ],
    ids=["ends today", "no end", "billed", "closed"],
)
def test_others_are_not_named(engine: Engine, add: Add, fields: dict[str, Any]) -> None:
    add("L1", **fields)
    assert finished(engine).never_billed == 0


def test_the_end_is_past_by_the_day_of_the_organization(engine: Engine, add: Add) -> None:
    add("H", "SUB-H", zone="Pacific/Honolulu", end_date=ENDED)
    add("B", "SUB-B", zone="Europe/Berlin", end_date=ENDED)
    progress = finished(engine, instant=datetime(2026, 10, 1, 2, tzinfo=UTC))
    assert [named.id for named in progress.never_billed_lines] == ["B"]


def test_only_lines_of_the_scope_are_named(engine: Engine, add: Add) -> None:
    add("L1", "SUB-1", end_date=ENDED)
    add("L2", "SUB-2", end_date=ENDED)
    assert [named.id for named in finished(engine, scope=Scope(subscription="SUB-2")).never_billed_lines] == ["L2"]


def test_all_are_counted_and_the_first_are_named(engine: Engine, add: Add) -> None:
    add("L", end_date=date(2026, 9, 1))
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO subscription_lines (id, subscription, partner, start_date, billing_rhythm, end_date) "
                "SELECT 'L' || n, 'SUB-1', 'customer', '2020-01-01', '1M', '2026-09-30' FROM generate_series(1, 150) n"
            )
        )
    progress = finished(engine)
    assert (progress.never_billed, len(progress.never_billed_lines)) == (151, FAILURES_KEPT)
    assert progress.never_billed_lines[0].id == "L"

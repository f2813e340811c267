"""A line with an end date that no case has set is reopened: its terms go on as if the end had never been set (rules, section 4)."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain.cancellation.single_lines import LineUnknown
from domain.lines.line import SubscriptionLine
from domain.lines.refusals import LineClosed
from domain.lines.reopening import LineEndSetByCase, LineHasNoEnd, LineOfEndedSubscription
from records.lines.reopening import reopen_line
from records.transaction import Transaction
from storage.tables import AuditRow, CancellationRow, SubscriptionLineRow, SubscriptionRow
from tests.records.lines.nightly_runs import DUE, ENDED, NOW, YEARLY, Add, trail

PAST, FUTURE = date(2026, 5, 31), date(2027, 6, 30)


def reopen(engine: Engine, line: str, **fields: Any) -> SubscriptionLine:
    with Transaction.begin(engine) as transaction:
        return reopen_line(transaction, line, actor="owl", why="ended by mistake", at=NOW, **fields)


def test_a_term_that_goes_on_keeps_its_dates_caught_up(engine: Engine, add: Add) -> None:
    line = add("L", **{**DUE, "end_date": FUTURE})
    now = reopen(engine, line)
    # 2 October in Berlin: the deadline of 30 September is over.
    assert (now.end_date, now.term_until, now.cancellation_possible_until) == (
        None,
        date(2027, 12, 31),
        date(2027, 9, 30),
    )
    with Session(engine) as session:
        stored = session.get_one(SubscriptionLineRow, line)
        assert (stored.end_date, stored.term_until) == (None, date(2027, 12, 31))


def test_a_term_that_the_end_had_taken_away_begins_anew_from_the_start_date(engine: Engine, add: Add) -> None:
    line = add("L", start_date=date(2020, 1, 1), initial_term="1Y", end_date=PAST, **YEARLY)
    now = reopen(engine, line)
    assert (now.term_until, now.cancellation_possible_until) == (date(2027, 12, 31), date(2027, 9, 30))


def test_a_line_that_nothing_extends_can_be_ended_at_any_time_again(engine: Engine, add: Add) -> None:
    now = reopen(engine, add("L", end_date=PAST))
    assert (now.end_date, now.term_until) == (None, None)


def test_the_trail_says_who_why_and_what_it_was(engine: Engine, add: Add) -> None:
    line = add("L", end_date=FUTURE)
    reopen(engine, line)
    with Session(engine) as session:
        row = session.scalars(select(AuditRow).where(AuditRow.subscription_line == line)).one()
        assert (row.action, row.actor, row.why, row.subscription) == (
            "line.reopened",
            "owl",
            "ended by mistake",
            "SUB-1",
        )
        assert ((row.before or {})["end_date"], (row.after or {})["end_date"]) == (FUTURE.isoformat(), None)


def test_a_repeated_request_changes_nothing_and_another_one_is_refused(engine: Engine, add: Add) -> None:
    line = add("L", end_date=FUTURE)
    assert reopen(engine, line, request="once") == reopen(engine, line, request="once")
    assert len(trail(engine)) == 1
    with pytest.raises(LineHasNoEnd):
        reopen(engine, line, request="twice")


def test_what_cannot_be_reopened_is_refused_and_stays(engine: Engine, add: Add) -> None:
    with pytest.raises(LineUnknown):
        reopen(engine, "NO-LINE")
    with pytest.raises(LineHasNoEnd):
        reopen(engine, add("OPEN"))
    with pytest.raises(LineClosed):
        reopen(engine, add("CLOSED", closed=True, **ENDED))

    add("FROZEN", end_date=FUTURE)
    with Session(engine) as session, session.begin():
        session.add(
            CancellationRow(
                id="SUB-1/line/FROZEN/1", subscription="SUB-1", subscription_line="FROZEN", ordinal=1, request_id="r",
                workflow_id="line-cancellation:FROZEN", opened_by="agent", stage="intake", received_at=NOW,
                received_on=NOW.date(),
            )
        )  # fmt: skip
        session.flush()
        session.get_one(SubscriptionLineRow, "FROZEN").frozen_by = "SUB-1/line/FROZEN/1"
    with pytest.raises(LineEndSetByCase, match="SUB-1/line/FROZEN/1"):
        reopen(engine, "FROZEN")

    add("OVER", "SUB-2", end_date=FUTURE)
    with Session(engine) as session, session.begin():
        ended = session.get_one(SubscriptionRow, "SUB-2")
        ended.access, ended.access_ended_on = "off", PAST
    with pytest.raises(LineOfEndedSubscription):
        reopen(engine, "OVER")

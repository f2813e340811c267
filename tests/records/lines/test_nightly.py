"""The nightly update on a real database: what the rule says, done to many lines at once."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from domain.lines.runs import Scope
from domain.vocabulary import Channel
from storage.tables import (
    ContractLineRow,
    MessageRow,
    SubscriptionRow,
)
from tests.records.lines.nightly_runs import DUE, ENDED, NOW, YEARLY, Add, all_lines, dates, line, run, trail


def test_a_line_past_its_deadline_is_rolled_and_the_audit_trail_says_by_whom_when_and_why(
    engine: Engine, add: Add
) -> None:
    add("L1", **DUE)
    progress = run(engine)
    assert (progress.due, progress.rolled, progress.closed, progress.failed) == (1, 1, 0, 0)
    assert dates(engine, "L1") == (date(2027, 12, 31), date(2027, 9, 30))
    (row,) = trail(engine)
    assert (row.action, row.actor, row.at, row.run) == ("line.term_rolled", "tester", NOW, "run")
    assert (row.subscription, row.subscription_line) == ("SUB-1", "L1")
    assert row.why == "2026-09-30 is past on 2026-10-01, extended by 1Y (rules, section 5)"
    assert row.before is not None
    assert row.after is not None
    assert (row.before["term_until"], row.after["term_until"]) == ("2026-12-31", "2027-12-31")
    assert (row.before["cancellation_possible_until"], row.after["cancellation_possible_until"]) == (
        "2026-09-30",
        "2027-09-30",
    )


def test_a_line_that_stands_until_the_end_of_the_calendar_is_never_due(engine: Engine, add: Add) -> None:
    last = date(9999, 12, 31)
    add("L1", **YEARLY, term_until=last, cancellation_possible_until=last)
    assert run(engine, last).due == 0


def test_the_deadline_day_itself_is_not_past(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    assert run(engine, date(2026, 9, 30)).due == 0
    assert dates(engine, "L1") == (date(2026, 12, 31), date(2026, 9, 30))


def test_a_second_run_changes_nothing_and_leaves_no_trace(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    add("L2", **ENDED)
    run(engine)
    with engine.connect() as connection:
        before = all_lines(connection)
    kept = len(trail(engine))
    again = run(engine, name="again")
    assert (again.due, again.rolled, again.closed) == (0, 0, 0)
    with engine.connect() as connection:
        assert all_lines(connection) == before
    assert len(trail(engine)) == kept


def test_a_closed_line_closes_its_contract_line_and_the_last_one_ends_the_provision(engine: Engine, add: Add) -> None:
    add("L1", contract="CC-1", **ENDED)
    add("L2", contract="CC-1", end_date=date(2026, 10, 31), next_billing_date=date(2026, 11, 1))
    assert run(engine).closed == 1
    with Session(engine) as session:
        of = {row.subscription_line: row.closed for row in session.scalars(select(ContractLineRow))}
        assert of == {"L1": True, "L2": False}
        assert session.get_one(SubscriptionRow, "SUB-1").provision_end_date is None
    assert run(engine, date(2026, 11, 1), name="a month later").closed == 1
    with Session(engine) as session:
        assert session.get_one(SubscriptionRow, "SUB-1").provision_end_date == date(2026, 10, 31)
    assert [row.action for row in trail(engine)] == ["line.closed", "line.closed", "subscription.provision_ended"]


@pytest.mark.parametrize(
    "reason",
    [
        {"end_date": date(2026, 10, 1), "next_billing_date": date(2026, 10, 2)},
        {**ENDED, "next_billing_date": date(2026, 9, 30)},
        {**ENDED, "next_billing_date": None},
        {**ENDED, "open_billing_line": True},
    ],
    ids=["ends today", "not invoiced", "never billed", "billing line open"],
)
def test_a_line_that_is_not_past_its_end_and_fully_invoiced_stays_open(
    engine: Engine, add: Add, reason: dict[str, Any]
) -> None:
    add("L1", **reason)
    assert run(engine).due == 0
    assert not line(engine, "L1").closed


def test_a_frozen_line_is_closed_when_due_and_never_rolled(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    add("L2", **ENDED)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cancellations (id, subscription, ordinal, request_id, workflow_id, opened_by, stage, "
                "received_at, received_on) VALUES ('SUB-1/1', 'SUB-1', 1, 'r', 'w', 'a', 'intake', now(), '2026-09-01')"
            )
        )
        connection.execute(text("UPDATE subscription_lines SET frozen_by = 'SUB-1/1'"))
    progress = run(engine)
    assert (progress.rolled, progress.closed) == (0, 1)
    assert dates(engine, "L1") == (date(2026, 12, 31), date(2026, 9, 30))
    assert line(engine, "L2").closed


def test_a_line_whose_dates_lead_out_of_the_calendar_is_reported_and_the_rest_goes_on(engine: Engine, add: Add) -> None:
    add("L1", **{**DUE, "term_until": date(9999, 12, 31)})
    add("L2", **{**DUE, "notice_period": "9999Y"})
    add("L3", **DUE)
    progress = run(engine, limit=1)
    assert (progress.rolled, progress.failed, progress.busy) == (1, 2, 0)
    assert [(failure.id, failure.code) for failure in progress.failures] == [
        ("L1", "date_out_of_range"),
        ("L2", "date_out_of_range"),
    ]
    assert dates(engine, "L3") == (date(2027, 12, 31), date(2027, 9, 30))
    again = run(engine)
    assert (again.failed, len(again.failures), again.rolled) == (2, 2, 1)


@pytest.mark.parametrize(
    ("scope", "rolled"),
    [
        (Scope(subscription="SUB-2"), {"C2"}),
        (Scope(customer_contract="CC-1"), {"C1", "C2"}),
        (Scope(vendor_contract="VC-1"), {"V1"}),
        (Scope(), {"C1", "C2", "V1"}),
    ],
    ids=["subscription", "customer contract", "vendor contract", "everything"],
)
def test_only_the_lines_that_were_asked_for_are_updated(
    engine: Engine, add: Add, scope: Scope, rolled: set[str]
) -> None:
    add("C1", "SUB-1", "CC-1", **DUE)
    add("C2", "SUB-2", "CC-1", **DUE)
    add("V1", "SUB-1", "VC-1", partner="vendor", **DUE)
    progress = run(engine, scope=scope)
    assert progress.rolled == len(rolled)
    assert {row.subscription_line for row in trail(engine)} == rolled


def test_events_are_batched_and_numbered_on_across_chunks(engine: Engine, add: Add) -> None:
    add("L1", contract="CC-1", **ENDED)
    for number in range(2, 5):
        add(f"L{number}", **DUE)
    run(engine, limit=2)
    with Session(engine) as session:
        messages = session.scalars(select(MessageRow).order_by(MessageRow.sequence)).all()
    told = {message.id: [entry["id"] for entry in message.content["lines"]] for message in messages}
    assert told == {
        "run/line.closed/1/webhook": ["L1"],
        "run/line.term_rolled/2/webhook": ["L2"],
        "run/line.term_rolled/3/webhook": ["L3", "L4"],
    }
    closed = next(message for message in messages if message.event == "line.closed")
    assert closed.content["lines"][0] == {
        "id": "L1", "subscription": "SUB-1", "partner": "customer", "contract": "CC-1", "term_until": None,
        "cancellation_possible_until": None, "end_date": "2026-09-30",
    }  # fmt: skip


def test_where_no_system_listens_nothing_is_noted_to_be_told(engine: Engine, add: Add) -> None:
    add("L1", **DUE)
    run(engine, channels=frozenset({Channel.MAIL}))
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(MessageRow)) == 0

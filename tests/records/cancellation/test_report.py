"""The report: outcomes by the month of receipt and the reason, and days at each stage from the audit trail."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain.vocabulary import Stage
from records.cancellation.locked_case import lock_case
from records.cancellation.report import CancellationReport, ReportRow, StageDays, report
from records.cancellation.transitions import abandon, enter, prepare, withdraw
from records.transaction import Transaction
from tests.records.cancellation.opened_cases import BOTH, opened, step, with_subscriptions
from tests.support.import_documents import Document, Import

SUBSCRIPTIONS = [f"SUB-B-{number}" for number in range(1, 8)]
ANSWERS = {
    "billing_administrator": "boss@b.example.com",
    "organization_url": "https://b.example.com",
    "organization_name": "company B",
    "termination_date": "2026-12-31",
    "data": "none",
}


@pytest.fixture
def subscriptions(imported: Import, document: Document, engine: Engine) -> Engine:
    imported(with_subscriptions(document, {"B": 7, "C": 1}))
    return engine


def at(day: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def start(engine: Engine, subscription: str, day: str, reason: str | None = None, **fields: Any) -> None:
    opened(engine, subscription, at=at(day), reason_code=reason, **fields)


def move(engine: Engine, subscription: str, stage: Stage, when: datetime, *, name: str | None = None) -> None:
    """Bring a case to a stage, as its story does; the rules of the story are not this test's."""
    with Transaction.begin(engine, BOTH) as transaction:
        case = lock_case(transaction, f"{subscription}/1")
        if stage is Stage.CANCELED:
            case.row.access_ended_on, case.row.reversal_deadline = when.date(), when + timedelta(days=30)
        enter(transaction, case, stage, step(case.row.id, name or stage.value, when))


def withdrawn(engine: Engine, subscription: str, day: str) -> None:
    with Transaction.begin(engine, BOTH) as transaction:
        withdraw(transaction, step(f"{subscription}/1", "withdrawn", at(day), why="stays"))


def abandoned(engine: Engine, subscription: str, day: str) -> None:
    with Transaction.begin(engine, BOTH) as transaction:
        abandon(transaction, step(f"{subscription}/1", "abandoned", at(day)))


def reported(engine: Engine, **wanted: Any) -> CancellationReport:
    with Session(engine) as session:
        return report(session, **wanted)


def numbers(row: ReportRow) -> dict[str, int]:
    counted = row.model_dump(include={"started", "running", "reversed", "withdrawn", "abandoned", "closed"})
    return {name: number for name, number in counted.items() if number}


def test_nothing_is_reported_of_nothing(engine: Engine) -> None:
    empty = reported(engine)
    assert (empty.rows, empty.months, empty.reasons) == ((), (), ())
    assert empty.total == ReportRow()


def test_each_outcome_counts_in_the_month_of_the_receipt(subscriptions: Engine) -> None:
    engine = subscriptions
    start(engine, "SUB-B-1", "2026-10-30", "unused", answers=ANSWERS, attested_because="called back")
    move(engine, "SUB-B-1", Stage.SCHEDULED, at("2026-10-30", 13))
    move(engine, "SUB-B-1", Stage.CANCELED, at("2026-12-31"))
    move(engine, "SUB-B-1", Stage.CLOSED, at("2027-01-31"))
    start(engine, "SUB-B-2", "2026-10-31", "unused")
    withdrawn(engine, "SUB-B-2", "2026-11-03")
    start(engine, "SUB-B-3", "2026-10-31", "too_expensive")
    abandoned(engine, "SUB-B-3", "2026-11-14")
    start(engine, "SUB-B-4", "2026-11-02", "unused", answers=ANSWERS, attested_because="called back")
    move(engine, "SUB-B-4", Stage.SCHEDULED, at("2026-11-02"))
    move(engine, "SUB-B-4", Stage.CANCELED, at("2026-12-31"))
    move(engine, "SUB-B-4", Stage.REVERSED, at("2027-01-03"))
    start(engine, "SUB-B-5", "2026-11-30")

    found = reported(engine)

    assert [(row.month, row.reason_code, numbers(row)) for row in found.rows] == [
        ("2026-10", "too_expensive", {"started": 1, "abandoned": 1}),
        ("2026-10", "unused", {"started": 2, "withdrawn": 1, "closed": 1}),
        ("2026-11", "unused", {"started": 1, "reversed": 1}),
        ("2026-11", None, {"started": 1, "running": 1}),
    ]
    assert [(row.month, numbers(row)["started"]) for row in found.months] == [("2026-10", 3), ("2026-11", 2)]
    assert [(row.reason_code, numbers(row)["started"]) for row in found.reasons] == [
        ("too_expensive", 1),
        ("unused", 3),
        (None, 1),
    ]
    assert numbers(found.total) == {
        "started": 5, "running": 1, "reversed": 1, "withdrawn": 1, "abandoned": 1, "closed": 1,
    }  # fmt: skip
    assert (found.total.month, found.total.reason_code) == (None, None)


def test_the_month_is_that_of_the_organizations_zone(subscriptions: Engine) -> None:
    """In Auckland the first of December has begun; in Berlin it is still the evening of the last of November."""
    opened(subscriptions, "SUB-1", at=at("2026-11-30", 14))
    opened(subscriptions, "SUB-B-1", at=at("2026-11-30", 14))
    assert [row.month for row in reported(subscriptions).rows] == ["2026-11", "2026-12"]


def test_months_and_organization_limit_what_is_counted(subscriptions: Engine) -> None:
    days = ("2026-08-31", "2026-09-01", "2026-09-30", "2026-10-01", "2026-12-31", "2027-01-01")
    for subscription, day in zip(SUBSCRIPTIONS, days, strict=False):
        start(subscriptions, subscription, day)
    start(subscriptions, "SUB-C-1", "2026-09-15")

    def months(**wanted: Any) -> list[tuple[str | None, int]]:
        return [(row.month, row.started) for row in reported(subscriptions, **wanted).months]

    september, december = date(2026, 9, 17), date(2026, 12, 1)
    assert months(first=september, last=september) == [("2026-09", 3)]
    assert months(first=september, last=september, organization="ORG-B") == [("2026-09", 2)]
    assert months(first=december) == [("2026-12", 1), ("2027-01", 1)]
    assert months(last=date(2026, 8, 1)) == [("2026-08", 1)]
    assert months(last=december)[-1] == ("2026-12", 1)
    assert months(organization="ORG-X") == []
    assert months(last=date(9999, 12, 1))[-1] == ("2027-01", 1)
    found = reported(subscriptions, first=september, last=december, organization="ORG-B")
    assert (found.first_month, found.last_month, found.organization) == ("2026-09", "2026-12", "ORG-B")


def test_days_at_each_stage_are_those_between_the_transitions(subscriptions: Engine) -> None:
    """Three intakes of 1, 2 and 6 days: the median is 2, the mean 3; the fourth case has not left it."""
    engine = subscriptions
    for subscription, day in (("SUB-B-1", "2026-11-02"), ("SUB-B-2", "2026-11-03"), ("SUB-B-3", "2026-11-07")):
        start(engine, subscription, "2026-11-01", "unused", answers=ANSWERS, attested_because="called back")
        move(engine, subscription, Stage.SCHEDULED, at(day))
    move(engine, "SUB-B-1", Stage.CANCELED, at("2026-11-12"))
    start(engine, "SUB-B-4", "2026-11-01", "unused")

    assert reported(engine).total.days == {
        Stage.INTAKE: StageDays(cases=3, mean=3.0, median=2.0),
        Stage.SCHEDULED: StageDays(cases=1, mean=10.0, median=10.0),
    }


def test_days_are_sums_and_rows_of_their_own(subscriptions: Engine) -> None:
    """The median of all is none that the medians of the rows could give."""
    engine = subscriptions
    for subscription, received, reason, left in (
        ("SUB-B-1", "2026-10-01", "unused", "2026-10-02"),
        ("SUB-B-2", "2026-10-01", "other", "2026-10-03"),
        ("SUB-B-3", "2026-11-01", "unused", "2026-11-13"),
    ):
        start(engine, subscription, received, reason)
        withdrawn(engine, subscription, left)

    found = reported(engine)

    def stays(row: ReportRow) -> tuple[int, float, float]:
        days = row.days[Stage.INTAKE]
        return days.cases, days.mean, days.median

    assert [stays(row) for row in found.rows] == [(1, 2.0, 2.0), (1, 1.0, 1.0), (1, 12.0, 12.0)]
    assert [stays(row) for row in found.months] == [(2, 1.5, 1.5), (1, 12.0, 12.0)]
    assert [stays(row) for row in found.reasons] == [(1, 2.0, 2.0), (2, 6.5, 6.5)]
    assert stays(found.total) == (3, 5.0, 2.0)


def test_a_stage_that_a_case_came_to_twice_is_one_stay(subscriptions: Engine) -> None:
    engine = subscriptions
    start(engine, "SUB-B-1", "2026-11-01", answers=ANSWERS, attested_because="called back")
    move(engine, "SUB-B-1", Stage.PREPARING, at("2026-11-02"))
    move(engine, "SUB-B-1", Stage.SCHEDULED, at("2026-11-04"))
    move(engine, "SUB-B-1", Stage.PREPARING, at("2026-11-05"), name="corrected")
    move(engine, "SUB-B-1", Stage.SCHEDULED, at("2026-11-09"), name="scheduled-again")
    assert reported(engine).total.days[Stage.PREPARING] == StageDays(cases=1, mean=6.0, median=6.0)


def test_a_request_that_counts_from_before_its_stage_makes_no_negative_days(subscriptions: Engine) -> None:
    engine = subscriptions
    start(engine, "SUB-B-1", "2026-11-02", answers=ANSWERS, attested_because="called back")
    with Transaction.begin(engine, BOTH) as transaction:
        prepare(transaction, step("SUB-B-1/1", "preparing", at("2026-11-03")))
    with Transaction.begin(engine, BOTH) as transaction:
        asked = step("SUB-B-1/1", "withdrawn", at("2026-11-03", 13), asked_at=at("2026-11-03", 11), why="stays")
        withdraw(transaction, asked)
    assert reported(engine).total.days[Stage.PREPARING] == StageDays(cases=1, mean=0.0, median=0.0)

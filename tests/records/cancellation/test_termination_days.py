"""The furthest termination day, by the terms of the subscription's lines in the records."""

from datetime import date

import pytest
from sqlalchemy import Engine, text

from domain.cancellation.checklist import FURTHEST_TERMINATION
from domain.cancellation.checklist_refusals import TerminationDayTooFar
from tests.records.cancellation.opened_cases import opened
from tests.support.import_documents import NOON, Document, Import, line

TEN_YEARS = date(2026, 11, 23) + FURTHEST_TERMINATION
"""From the day of receipt in Auckland, where it is a day later than in UTC."""


def wishing(engine: Engine, day: date) -> date | None:
    case = opened(engine, answers={"termination_date": day.isoformat()}, at=NOON)
    return case.checklist.termination_date


def latest(engine: Engine) -> date:
    with pytest.raises(TerminationDayTooFar) as refused:
        wishing(engine, date(2090, 1, 1))
    return date.fromisoformat(str(refused.value.details.values["latest"]))


def test_ten_years_are_a_guard_where_no_term_reaches_further(
    imported: Import, document: Document, engine: Engine
) -> None:
    imported(document)
    assert latest(engine) == TEN_YEARS
    assert wishing(engine, TEN_YEARS) == TEN_YEARS


@pytest.mark.parametrize("position", [0, 1], ids=["a customer line", "a vendor line"])
def test_the_last_term_until_is_the_furthest_day(
    imported: Import, document: Document, engine: Engine, position: int
) -> None:
    document["subscriptions"][0]["lines"][position]["initial_term"] = "15Y"
    imported(document)
    assert latest(engine) == date(2040, 12, 31)
    assert wishing(engine, date(2040, 12, 31)) == date(2040, 12, 31)


def test_an_end_date_counts_like_a_term(imported: Import, document: Document, engine: Engine) -> None:
    del line(document)["subsequent_term"], line(document)["initial_term"], line(document)["notice_period"]
    line(document)["end_date"] = "2045-03-31"
    imported(document)
    assert latest(engine) == date(2045, 3, 31)


def test_closed_lines_and_those_of_others_do_not_count(imported: Import, document: Document, engine: Engine) -> None:
    document["subscriptions"].append({"id": "SUB-2", "organization": "ORG-1"})
    for key, subscription in (("SUB-1-X", 0), ("SUB-2-X", 1)):
        other = {"id": key, "start_date": "2026-01-01", "initial_term": "30Y", "billing_rhythm": "1M"}
        document["subscriptions"][subscription].setdefault("lines", []).append(other)
    imported(document)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE subscription_lines SET closed = true, term_until = NULL, cancellation_possible_until = NULL "
                "WHERE id = 'SUB-1-X'"
            )
        )
    assert latest(engine) == TEN_YEARS

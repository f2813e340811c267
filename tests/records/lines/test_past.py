"""The quote for a past day, from the audit trail of a real database: lines are taken as they were on that day."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from domain.lines.past import LineUnknownOnDay
from domain.lines.quote import Quote
from records.cancellation.lists import quote_of
from records.imports import import_content
from tests.records.lines.nightly_runs import Add, run
from tests.support.import_documents import NOON, Document, Import, line

ZONE = "Pacific/Auckland"
"""The zone of the organization, half a day before UTC."""
RECEIVED = date(2026, 9, 28)
EARLIER = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def add_document(document: Document) -> Document:
    """The document without what a quote of its first line does not need."""
    del document["organizations"][0]["marketing_service"]
    document["subscriptions"][0]["lines"] = document["subscriptions"][0]["lines"][:1]
    return document


def import_at(engine: Engine, document: Document, at: datetime) -> None:
    import_content(engine, json.dumps(document).encode(), actor="tester", at=at, source="test.json")


def quoted(engine: Engine, received_on: date | None = RECEIVED, *, now: datetime = NOON) -> Quote:
    with Session(engine) as session:
        return quote_of(session, "SUB-1", received_on=received_on, now=now, wished_on=None)


def end(engine: Engine, received_on: date | None = RECEIVED, **known: Any) -> date:
    (only,) = quoted(engine, received_on, **known).lines
    return only.decision.end_date


def ends(quote: Quote) -> list[tuple[date, date | None]]:
    """The end of each line, and the one that a receipt a day later would have had."""
    return [(line.decision.end_date, line.decision.one_day_later) for line in quote.lines]


def test_an_update_that_ran_since_takes_no_deadline_away(engine: Engine, add_document: Document) -> None:
    """1Y/1Y/3M from 2026-01-01, updated as of 2026-11-25, received on 2026-09-28."""
    import_at(engine, add_document, EARLIER)
    run(engine, date(2026, 11, 25))

    assert end(engine) == date(2026, 12, 31)
    assert end(engine, date(2026, 9, 30)) == date(2026, 12, 31)
    assert end(engine, date(2026, 10, 1)) == date(2027, 12, 31)
    assert quoted(engine).lines[0].decision.in_due_time


def test_so_it_is_where_the_line_was_imported_after_that_day_in_its_first_term(
    engine: Engine, add_document: Document, imported: Import
) -> None:
    imported(add_document)
    run(engine, date(2026, 11, 25))
    assert end(engine) == date(2026, 12, 31)


def test_a_line_that_was_imported_after_that_day_as_extended_is_refused(
    engine: Engine, add_document: Document, imported: Import
) -> None:
    line(add_document)["term_until"] = "2027-12-31"
    imported(add_document)

    with pytest.raises(LineUnknownOnDay) as refused:
        quoted(engine)
    assert refused.value.values == {"line": "SUB-1-C", "received_on": "2026-09-28"}
    assert end(engine, date(2026, 10, 1)) == date(2027, 12, 31)
    assert end(engine, None) == date(2027, 12, 31)


def test_the_same_line_that_was_known_before_is_taken_as_it_was(engine: Engine, add_document: Document) -> None:
    line(add_document)["term_until"] = "2027-12-31"
    import_at(engine, add_document, EARLIER)
    assert end(engine) == date(2027, 12, 31)


def test_what_an_import_changed_since_is_undone(engine: Engine, add_document: Document, imported: Import) -> None:
    import_at(engine, add_document, EARLIER)
    line(add_document).update(subsequent_term="1M", notice_period="14D", next_billing_date="2027-01-01")
    imported(add_document)
    then = date(2026, 10, 5)

    assert end(engine, then) == date(2027, 12, 31)
    assert end(engine, None) == date(2026, 12, 31)
    assert not quoted(engine, then).lines[0].decision.billed_beyond_end


def test_a_term_that_an_import_changes_alone_is_recorded_with_what_was_before(
    engine: Engine, add_document: Document, imported: Import
) -> None:
    import_at(engine, add_document, EARLIER)
    line(add_document)["subsequent_term"] = "3Y"
    imported(add_document)

    assert end(engine, date(2026, 10, 5)) == date(2027, 12, 31)
    assert end(engine, None) == date(2029, 12, 31)


def test_billing_is_as_it_is_now(engine: Engine, add_document: Document, imported: Import) -> None:
    import_at(engine, add_document, EARLIER)
    line(add_document)["next_billing_date"] = "2028-01-01"
    add_document["invoices"].append(
        {"number": "INV-2", "line": "SUB-1-C", "period_start": "2027-01-01", "period_end": "2027-12-31"}
    )
    imported(add_document)

    (only,) = quoted(engine).lines
    assert only.decision.end_date == date(2026, 12, 31)
    assert only.credit_memos == ("INV-2",)


@pytest.mark.parametrize(
    ("recorded_at", "is_of_that_day"),
    [("2026-10-05T10:59:59Z", True), ("2026-10-05T11:00:00Z", False)],
)
def test_the_day_ends_in_the_zone_of_the_organization(
    engine: Engine, add_document: Document, recorded_at: str, is_of_that_day: bool
) -> None:
    """Midnight at the end of 2026-10-05 in Auckland is 11:00 UTC."""
    import_at(engine, add_document, EARLIER)
    line(add_document)["subsequent_term"] = "3Y"
    import_at(engine, add_document, datetime.fromisoformat(recorded_at))
    assert end(engine, date(2026, 10, 5)) == (date(2029, 12, 31) if is_of_that_day else date(2027, 12, 31))


def test_without_a_day_it_is_today_where_the_organization_is(engine: Engine, add_document: Document) -> None:
    import_at(engine, add_document, EARLIER)
    late = datetime(2026, 9, 30, 11, 30, tzinfo=UTC)
    assert quoted(engine, None, now=late).received_on == date(2026, 10, 1)
    assert end(engine, None, now=late) == date(2027, 12, 31)
    assert end(engine, None, now=late - timedelta(hours=1)) == date(2026, 12, 31)


def test_quotes_of_many_days_are_the_same_after_every_later_update(engine: Engine, add: Add) -> None:
    terms: tuple[dict[str, str], ...] = (
        {},
        {"subsequent_term": "1M", "notice_period": "14D"},
        {"subsequent_term": "3M"},
        {"notice_period": "1M"},
    )
    for number, fields in enumerate(terms):
        until = {"term_until": date(2026, 12, 31)} if "subsequent_term" in fields else {}
        add(f"L{number}", known_since=EARLIER, **fields, **until)
    received = [date(2026, 9, 1) + timedelta(days=20 * number) for number in range(12)]
    with Session(engine) as session:
        made = [quote_of(session, "SUB-1", received_on=day, now=NOON, wished_on=None) for day in received]

    for night in (date(2027, 6, 30), date(2027, 7, 1), date(2031, 2, 28)):
        run(engine, night, name=str(night))
        with Session(engine) as session:
            again = [quote_of(session, "SUB-1", received_on=day, now=NOON, wished_on=None) for day in received]
        assert [ends(quote) for quote in again] == [ends(quote) for quote in made]
    with engine.connect() as connection:
        rolls = "SELECT count(*) FROM audit_trail WHERE action = 'line.term_rolled'"
        assert (connection.scalar(text(rolls)) or 0) > len(terms)


def test_an_end_date_that_was_set_after_a_roll_stands(engine: Engine, add_document: Document) -> None:
    """The roll before it did not go as far as the day of receipt, and is done anew; the end date is no part of it."""
    line(add_document).pop("initial_term", None)
    line(add_document).update(subsequent_term="1M", notice_period="1M", planned_lines=[])
    import_at(engine, add_document, EARLIER)
    run(engine, date(2026, 3, 2))
    with Session(engine) as session:
        rolled_to = session.scalar(text("SELECT term_until FROM subscription_lines WHERE id = 'SUB-1-C'"))
    assert rolled_to is not None
    line(add_document)["end_date"] = "2026-12-31"
    import_at(engine, add_document, EARLIER + timedelta(days=2))

    assert end(engine, date(2026, 4, 2), now=datetime(2026, 4, 2, 12, tzinfo=UTC)) == date(2026, 12, 31)

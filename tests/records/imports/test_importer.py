"""Importing a document: what it writes, what it leaves alone, and that it is all or nothing."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from domain.imports.refusals import ImportMalformed
from records.imports import import_content
from records.imports.planning import TABLES
from starter.sample import sample_document
from storage.tables import (
    AuditRow,
    BillingDocumentRow,
    CampaignActivityRow,
    ContractLineRow,
    PlannedLineRow,
    SubscriptionLineRow,
    SubscriptionRow,
    Table,
)
from tests.support.import_documents import LINE, NOON, Document, Import, problems


def line(engine: Engine, identifier: str) -> SubscriptionLineRow:
    with Session(engine) as session:
        return session.get_one(SubscriptionLineRow, identifier)


def test_a_line_without_term_dates_gets_its_first_calculation(
    imported: Import, document: Document, engine: Engine
) -> None:
    imported(document)
    customer, vendor = line(engine, "SUB-1-C"), line(engine, "SUB-1-V")
    assert (customer.term_until, customer.cancellation_possible_until) == (date(2026, 12, 31), date(2026, 9, 30))
    assert (vendor.end_date, vendor.term_until) == (date(2027, 12, 31), date(2027, 12, 31))


def test_a_line_gets_the_contract_line_it_names_and_else_the_next_free_one(
    imported: Import, document: Document, engine: Engine
) -> None:
    document["subscriptions"][0]["lines"].append(
        {"id": "SUB-1-W", "partner": "vendor", "contract": "VC-1", "start_date": "2026-01-01", "billing_rhythm": "1M"}
    )
    imported(document)
    with Session(engine) as session:
        places = session.scalars(select(ContractLineRow)).all()
    assert {(place.subscription_line, place.contract, place.line_number) for place in places} == {
        ("SUB-1-C", "CC-1", 1),
        ("SUB-1-V", "VC-1", 7),
        ("SUB-1-W", "VC-1", 8),
    }


def test_importing_twice_changes_nothing(imported: Import, document: Document, engine: Engine) -> None:
    first = imported(document)
    written = _versions(engine)
    second = imported(document)
    assert (first.total.created, first.total.changed, first.total.unchanged) == (14, 0, 0)
    assert (second.total.created, second.total.changed, second.total.unchanged) == (0, 0, 14)
    assert _versions(engine) == written, "a row was written although it was to stay as it was"


def test_the_sample_can_be_imported_twice_on_any_later_day(engine: Engine) -> None:
    first = import_content(engine, sample_document(), actor="tester", at=NOON, source="sample.json")
    later = import_content(engine, sample_document(), actor="tester", at=NOON + timedelta(900), source="sample.json")
    assert first.total.created > 60
    assert (later.total.created, later.total.changed) == (0, 0)


def test_one_mistake_anywhere_and_nothing_is_written(imported: Import, document: Document, engine: Engine) -> None:
    document["invoices"][0]["period_end"] = "2026-12-31"
    with pytest.raises(ImportMalformed):
        imported(document)
    with Session(engine) as session:
        counts = [session.scalar(select(func.count()).select_from(table)) for table in TABLES.values()]
        assert counts == [1] + [0] * (len(TABLES) - 1), "only the standard policy is there"
        assert session.scalar(select(func.count()).select_from(AuditRow)) == 0


def test_only_what_differs_is_changed(imported: Import, document: Document) -> None:
    imported(document)
    document["organizations"][0]["billing_administrator"] = "new@example.com"
    document["subscriptions"][0]["description"] = "Business Central, 30 users"
    report = imported(document)
    assert report.total.changed == 2
    assert report.kinds["organizations"].changed == report.kinds["subscriptions"].changed == 1


def test_a_changed_date_of_a_line_that_exists_leaves_who_when_what_and_why(
    imported: Import, document: Document, engine: Engine
) -> None:
    imported(document)
    document["subscriptions"][0]["lines"][0]["next_billing_date"] = "2027-01-01"
    imported(document)
    with Session(engine) as session:
        row = session.scalars(select(AuditRow).where(AuditRow.action == "line.imported")).one()
    assert (row.actor, row.at, row.why) == ("tester", NOON, "import of test.json")
    assert (row.subscription, row.subscription_line) == ("SUB-1", "SUB-1-C")
    assert row.before is not None
    assert row.after is not None
    assert (row.before["next_billing_date"], row.after["next_billing_date"]) == ("2026-12-01", "2027-01-01")


@pytest.mark.parametrize("next_billing_date", [None, "2026-01-01"])
def test_a_changed_start_date_of_a_line_that_is_not_billed_calculates_the_term_anew(
    imported: Import, document: Document, engine: Engine, next_billing_date: str | None
) -> None:
    document["invoices"] = []
    customer = document["subscriptions"][0]["lines"][0]
    customer["next_billing_date"] = next_billing_date
    imported(document)
    customer |= {"start_date": "2026-02-01", "next_billing_date": None}
    imported(document)
    changed = line(engine, "SUB-1-C")
    assert (changed.term_until, changed.cancellation_possible_until) == (date(2027, 1, 31), date(2026, 10, 31))
    assert changed.next_billing_date == (date(2026, 2, 1) if next_billing_date else None), (
        "billing starts with the line"
    )


@pytest.mark.parametrize("start_date", ["2026-02-01", "2025-12-01"])
def test_the_start_date_of_a_line_that_is_billed_does_not_move(
    imported: Import, document: Document, engine: Engine, start_date: str
) -> None:
    imported(document)
    document["subscriptions"][0]["lines"][0]["start_date"] = start_date
    with pytest.raises(ImportMalformed) as refused:
        imported(document)
    assert problems(refused) == [(f"{LINE}.start_date", "start_date_billed")]
    assert line(engine, "SUB-1-C").start_date == date(2026, 1, 1)


def test_a_changed_notice_period_moves_the_deadline_and_not_the_term(
    imported: Import, document: Document, engine: Engine
) -> None:
    imported(document)
    document["subscriptions"][0]["lines"][0]["notice_period"] = "1M"
    imported(document)
    changed = line(engine, "SUB-1-C")
    assert (changed.term_until, changed.cancellation_possible_until) == (date(2026, 12, 31), date(2026, 11, 30))


@pytest.mark.parametrize("named", [{}, {"term_until": "2026-12-31", "cancellation_possible_until": "2026-09-30"}])
def test_a_document_older_than_the_nightly_update_does_not_turn_it_back(
    imported: Import, document: Document, engine: Engine, named: dict[str, str]
) -> None:
    document["subscriptions"][0]["lines"][0] |= named
    imported(document)
    _set(engine, "SUB-1-C", term_until=date(2027, 12, 31), cancellation_possible_until=date(2027, 9, 30))
    assert imported(document).total.changed == 0
    assert line(engine, "SUB-1-C").term_until == date(2027, 12, 31)


def test_a_document_older_than_a_credit_memo_does_not_bill_again(
    imported: Import, document: Document, engine: Engine
) -> None:
    imported(document)
    with Session(engine) as session, session.begin():
        session.add(
            BillingDocumentRow(number="CM-1", kind="credit_memo", subscription_line="SUB-1-C", credits="INV-1",
                               period_start=date(2026, 11, 1), period_end=date(2026, 11, 30))
        )  # fmt: skip
    _set(engine, "SUB-1-C", next_billing_date=date(2026, 11, 1))
    assert imported(document).total.changed == 0
    assert line(engine, "SUB-1-C").next_billing_date == date(2026, 11, 1)


def test_an_activity_that_was_stopped_is_not_started_again(
    imported: Import, document: Document, engine: Engine
) -> None:
    imported(document)
    with Session(engine) as session, session.begin():
        session.execute(update(CampaignActivityRow).values(state="paused"))
    assert imported(document).total.changed == 0


def test_a_planned_line_can_change_its_terms(imported: Import, document: Document, engine: Engine) -> None:
    imported(document)
    document["subscriptions"][0]["lines"][0]["planned_lines"][0]["terms"] = {"subsequent_term": "3Y"}
    assert imported(document).kinds["planned_lines"].changed == 1
    with Session(engine) as session:
        assert session.get_one(PlannedLineRow, "PLAN-1").terms == {"subsequent_term": "3Y"}


def test_a_subscription_of_closed_lines_has_its_provision_end_date(
    imported: Import, document: Document, engine: Engine
) -> None:
    closed = {"id": "SUB-2-C", "start_date": "2025-01-01", "billing_rhythm": "1Y", "next_billing_date": "2026-01-01"}
    closed |= {"end_date": "2025-12-31", "closed": True}  # type: ignore[dict-item]
    document["subscriptions"].append({"id": "SUB-2", "organization": "ORG-1", "lines": [closed]})
    imported(document)
    with Session(engine) as session:
        assert session.get_one(SubscriptionRow, "SUB-2").provision_end_date == date(2025, 12, 31)


def test_a_document_may_build_on_what_was_imported_before(imported: Import, document: Document) -> None:
    imported(document)
    lines = [{"id": "SUB-2-C", "contract": "CC-1", "start_date": "2026-01-01", "billing_rhythm": "1M"}]
    report = imported({"subscriptions": [{"id": "SUB-2", "organization": "ORG-1", "lines": lines}]})
    assert report.total.created == 3


def _set(engine: Engine, identifier: str, **values: date) -> None:
    with Session(engine) as session, session.begin():
        session.execute(update(SubscriptionLineRow).where(SubscriptionLineRow.id == identifier).values(values))


def _versions(engine: Engine) -> list[object]:
    """The transaction that wrote each row, and whether any holds or deletes it: changed by every write."""
    tables: list[type[Table]] = [*TABLES.values(), AuditRow]
    with engine.connect() as connection:
        return [
            connection.exec_driver_sql(f"SELECT ctid::text, xmin::text, xmax::text FROM {table.__tablename__}").all()  # noqa: S608
            for table in tables
        ]

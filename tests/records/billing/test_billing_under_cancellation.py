"""Billing goes on while a cancellation runs and after it, up to the end date; everything else of the line is frozen."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from domain.imports.refusals import ImportMalformed
from tests.records.billing.billed_lines import (
    CASE,
    DECEMBER,
    Fed,
    a_document,
    a_line,
    audited,
    credit_memo,
    entry,
    import_document,
    invoice,
    line,
    next_billing_date,
    outcomes,
    rows,
)
from tests.records.lines.nightly_runs import run
from tests.support.import_documents import problems

NEW_YEAR = date(2027, 1, 1)


def bill_december(document: dict[str, Any], next_billing_date: str = "2027-01-01") -> dict[str, Any]:
    """The master data of a day on which December is invoiced."""
    document["subscriptions"][0]["lines"][0]["next_billing_date"] = next_billing_date
    document["invoices"].append(
        {"number": "INV-12", "line": "SUB-1-C", "period_start": "2026-12-01", "period_end": "2026-12-31"}
    )
    return document


@pytest.mark.parametrize("stage", ["scheduled", "canceled", "closed"])
def test_the_invoice_of_the_last_month_is_taken_and_the_next_night_closes_the_line(
    fed: Fed, billed: Engine, stage: str
) -> None:
    with billed.begin() as connection:
        connection.execute(text("UPDATE cancellations SET stage = :stage"), {"stage": stage})
    report = fed(1, entry("SUB-1-C", DECEMBER, next_billing_date="2027-01-01"))
    assert outcomes(report) == [("SUB-1-C", "taken")]
    assert next_billing_date(billed, "SUB-1-C") == NEW_YEAR

    assert run(billed, date(2026, 12, 31), name="too early").closed == 0
    assert run(billed, NEW_YEAR, name="the next night").closed == 1
    assert line(billed, "SUB-1-C").closed


@pytest.mark.parametrize("stage", ["scheduled", "canceled", "closed"])
def test_master_data_may_report_the_last_invoice_too_and_bring_a_new_subscription(billed: Engine, stage: str) -> None:
    with billed.begin() as connection:
        connection.execute(text("UPDATE cancellations SET stage = :stage"), {"stage": stage})
    document = bill_december(a_document())
    document["subscriptions"].append({"id": "SUB-3", "organization": "ORG-1", "lines": [a_line("SUB-3-C")]})
    import_document(billed, document)
    assert next_billing_date(billed, "SUB-1-C") == NEW_YEAR
    assert line(billed, "SUB-3-C").start_date == date(2026, 1, 1)
    [row] = audited(billed, "line.imported")
    assert (row.before or {})["next_billing_date"] == "2026-12-01"


def test_a_day_further_is_refused_and_an_unrelated_line_of_the_document_is_taken(fed: Fed, billed: Engine) -> None:
    report = fed(1, entry("SUB-1-C", next_billing_date="2027-01-02"), entry("SUB-2-C", next_billing_date="2027-01-01"))
    assert outcomes(report) == [("SUB-1-C", "billing_beyond_end"), ("SUB-2-C", "taken")]
    [problem] = report.lines[0].problems
    assert problem.path == "lines[0].next_billing_date"
    assert problem.values["end_date"] == "2026-12-31"
    assert problem.values["cancellation"] == CASE
    assert next_billing_date(billed, "SUB-1-C") == date(2026, 12, 1)
    assert next_billing_date(billed, "SUB-2-C") == NEW_YEAR


def test_an_invoice_beyond_the_end_date_is_refused(fed: Fed) -> None:
    beyond = invoice("INV-12", "2026-12-01", "2027-01-31")
    report = fed(1, entry("SUB-1-C", beyond))
    assert outcomes(report) == [("SUB-1-C", "billing_beyond_end")]
    assert report.lines[0].problems[0].path == "lines[0].documents[0]"


def test_master_data_stays_all_or_nothing(billed: Engine) -> None:
    document = bill_december(a_document(), next_billing_date="2027-01-02")
    document["subscriptions"].append({"id": "SUB-3", "organization": "ORG-1", "lines": [a_line("SUB-3-C")]})
    before = rows(billed)
    with pytest.raises(ImportMalformed) as refused:
        import_document(billed, document)
    assert problems(refused) == [("subscriptions[0].lines[0].next_billing_date", "billing_beyond_end")]
    assert rows(billed) == before


@pytest.mark.parametrize("day", ["2026-11-01", "2026-10-01"])
def test_master_data_does_not_set_billing_back_on_a_line_under_cancellation(billed: Engine, day: str) -> None:
    document = a_document()
    document["subscriptions"][0]["lines"][0]["next_billing_date"] = day
    with pytest.raises(ImportMalformed) as refused:
        import_document(billed, document)
    assert problems(refused) == [("subscriptions[0].lines[0].next_billing_date", "line_under_cancellation")]


def test_a_line_whose_end_waits_for_credit_memos_is_billed_without_a_limit(fed: Fed, billed: Engine) -> None:
    with billed.begin() as connection:
        connection.execute(text("UPDATE subscription_lines SET end_date = NULL WHERE id = 'SUB-1-C'"))
    report = fed(1, entry("SUB-1-C", DECEMBER), source="a")
    assert outcomes(report) == [("SUB-1-C", "taken")]
    report = fed(2, entry("SUB-1-C", invoice("INV-13", "2027-01-01", "2027-01-31")), source="a")
    assert (outcomes(report), next_billing_date(billed, "SUB-1-C")) == ([("SUB-1-C", "taken")], date(2027, 2, 1))


@pytest.mark.parametrize(
    "set_back",
    [
        {"documents": [credit_memo("CM-YEAR", "YEAR", "2027-01-01")]},
        {"next_billing_date": "2027-01-01"},
    ],
    ids=["a memo", "of an invoice that is not known"],
)
def test_a_line_that_waits_for_billing_to_be_set_back_ends_in_the_transaction_that_does_so(
    fed: Fed, billed: Engine, set_back: dict[str, Any]
) -> None:
    with billed.begin() as connection:
        connection.execute(
            text(
                "UPDATE subscription_lines SET end_date = NULL, next_billing_date = '2027-06-01' WHERE id = 'SUB-1-C'; "
                "INSERT INTO cancellation_lines (cancellation, subscription_line, billing_ends_on, waits_since) "
                "VALUES ('SUB-1/1', 'SUB-1-C', '2026-12-31', '2026-12-01T12:00Z')"
            )
        )
    if "documents" in set_back:
        fed(1, entry("SUB-1-C", invoice("YEAR", "2026-12-01", "2027-05-31")))
    assert outcomes(fed(2, {"line": "SUB-1-C", **set_back})) == [("SUB-1-C", "taken")]
    ended = line(billed, "SUB-1-C")
    assert (ended.end_date, ended.next_billing_date) == (date(2026, 12, 31), NEW_YEAR)
    [row] = audited(billed, "line.end_date_set")
    assert (row.actor, row.cancellation) == ("biller", CASE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("initial_term", "2Y"),
        ("subsequent_term", "6M"),
        ("notice_period", "2M"),
        ("billing_rhythm", "3M"),
    ],
)
def test_the_terms_of_a_line_under_cancellation_are_frozen_also_beside_its_billing(
    billed: Engine, name: str, value: str
) -> None:
    document = bill_december(a_document())
    document["subscriptions"][0]["lines"][0][name] = value
    with pytest.raises(ImportMalformed) as refused:
        import_document(billed, document)
    assert problems(refused) == [(f"subscriptions[0].lines[0].{name}", "line_under_cancellation")]


def test_a_line_that_is_closed_is_not_billed_further(fed: Fed, billed: Engine) -> None:
    fed(1, entry("SUB-1-C", DECEMBER))
    run(billed, NEW_YEAR + timedelta(days=1))
    report = fed(2, entry("SUB-1-C", invoice("INV-13", "2027-01-01", "2027-01-31")))
    assert outcomes(report) == [("SUB-1-C", "billing_beyond_end")]
    assert outcomes(fed(3, entry("SUB-1-C", open_billing_line=True))) == [("SUB-1-C", "line_closed")]

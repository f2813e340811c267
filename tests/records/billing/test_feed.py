"""The billing feed: a result for each line, each document counted once, and a place of its own for each source."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain.imports.refusals import ImportMalformed
from records.billing import import_billing
from storage.tables import SubscriptionLineRow
from tests.records.billing.billed_lines import (
    DECEMBER,
    NOON,
    Fed,
    audited,
    credit,
    credit_memo,
    entry,
    invoice,
    next_billing_date,
    outcomes,
    rows,
)

RIGHT = invoice("INV-12A", "2026-12-01", "2026-12-31")


def test_an_invoice_its_credit_memo_and_the_right_one_for_the_same_period_are_taken(fed: Fed, billed: Engine) -> None:
    wrong = entry("SUB-1-C", DECEMBER, next_billing_date="2027-01-01")
    taken_back = entry("SUB-1-C", credit_memo("CM-12", "INV-12"), next_billing_date="2026-12-01")
    right = entry("SUB-1-C", RIGHT, next_billing_date="2027-01-01")
    after = []
    for sequence, one in enumerate([wrong, taken_back, right], start=1):
        assert outcomes(fed(sequence, one)) == [("SUB-1-C", "taken")]
        after.append(next_billing_date(billed, "SUB-1-C"))
    assert after == [date(2027, 1, 1), date(2026, 12, 1), date(2027, 1, 1)]

    before = rows(billed)
    assert outcomes(fed(1, wrong)) == [("SUB-1-C", "outdated")]
    assert outcomes(fed(2, taken_back)) == [("SUB-1-C", "outdated")]
    assert outcomes(fed(3, right)) == [("SUB-1-C", "unchanged")]
    assert rows(billed) == before


def test_the_three_may_stand_in_one_entry(fed: Fed, billed: Engine) -> None:
    report = fed(1, entry("SUB-1-C", DECEMBER, credit_memo("CM-12", "INV-12"), RIGHT, next_billing_date="2027-01-01"))
    assert outcomes(report) == [("SUB-1-C", "taken")]
    assert (report.lines[0].posted, report.lines[0].credited) == (("INV-12", "CM-12", "INV-12A"), ("INV-12",))
    assert next_billing_date(billed, "SUB-1-C") == date(2027, 1, 1)


def test_the_document_again_under_a_new_number_changes_nothing_but_its_place(fed: Fed, billed: Engine) -> None:
    fed(1, entry("SUB-1-C", DECEMBER, next_billing_date="2027-01-01"))
    before = rows(billed)
    assert outcomes(fed(2, entry("SUB-1-C", DECEMBER, next_billing_date="2027-01-01"))) == [("SUB-1-C", "unchanged")]
    after = rows(billed)
    assert (after[0], after[1], after[3]) == (before[0], before[1], before[3])


def test_an_old_document_that_arrives_late_changes_nothing_though_it_was_never_seen(fed: Fed, billed: Engine) -> None:
    fed(7, entry("SUB-1-C", DECEMBER))
    late = fed(6, entry("SUB-1-C", open_billing_line=True), entry("SUB-2-C", open_billing_line=True))
    assert outcomes(late) == [("SUB-1-C", "outdated"), ("SUB-2-C", "taken")], "each line has a place of its own"
    assert late.lines[0].newest_sequence == 7


def test_what_a_credit_memo_took_back_is_not_billed_again_by_the_document_from_before(fed: Fed, billed: Engine) -> None:
    fed(1, entry("SUB-1-C", DECEMBER, next_billing_date="2027-01-01"))
    credit(billed, "INV-12", "CM-12")
    fed(1, entry("SUB-1-C", DECEMBER, next_billing_date="2027-01-01"))
    assert next_billing_date(billed, "SUB-1-C") == date(2026, 12, 1)


def test_other_content_under_a_number_that_was_taken_is_refused_and_never_mistaken_for_the_old(fed: Fed) -> None:
    fed(1, entry("SUB-1-C", DECEMBER))
    report = fed(1, entry("SUB-1-C", credit_memo("CM-12", "INV-12")))
    assert outcomes(report) == [("SUB-1-C", "billing_sequence_reused")]


def test_an_entry_that_was_refused_may_be_corrected_under_the_same_number(fed: Fed) -> None:
    other = entry("SUB-2-C", next_billing_date="2027-01-01")
    assert outcomes(fed(1, entry("SUB-1-C", next_billing_date="2027-01-02"), other)) == [
        ("SUB-1-C", "billing_beyond_end"),
        ("SUB-2-C", "taken"),
    ]
    assert outcomes(fed(1, entry("SUB-1-C", next_billing_date="2027-01-01"), other)) == [
        ("SUB-1-C", "taken"),
        ("SUB-2-C", "unchanged"),
    ]


def test_each_source_counts_for_itself(fed: Fed) -> None:
    fed(9, entry("SUB-1-C", open_billing_line=True), source="run-a")
    assert outcomes(fed(1, entry("SUB-1-C", DECEMBER), source="run-b")) == [("SUB-1-C", "taken")]


def test_who_when_what_and_why_of_each_line_is_in_the_audit_trail(fed: Fed, billed: Engine) -> None:
    fed(12, entry("SUB-1-C", DECEMBER, credit_memo("CM-12", "INV-12", "2026-12-16"), open_billing_line=True))
    [row] = audited(billed, "line.billed")
    assert (row.actor, row.at, row.why) == ("biller", NOON, "billing document 12 of invoice-run (run.json)")
    assert (row.subscription, row.subscription_line, row.cancellation) == ("SUB-1", "SUB-1-C", "SUB-1/1")
    assert row.before == {"next_billing_date": "2026-12-01", "open_billing_line": False}
    assert row.after == {
        "next_billing_date": "2026-12-16",
        "open_billing_line": True,
        "documents": ["INV-12", "CM-12"],
    }
    [memo] = audited(billed, "credit_memo.posted")
    assert memo.before == {"next_billing_date": "2027-01-01"}
    assert memo.after == {"next_billing_date": "2026-12-16", "credit_memo": "CM-12", "invoice": "INV-12"}


@pytest.mark.parametrize(
    ("documents", "code"),
    [
        ([invoice("INV-12", "2027-01-01", "2027-01-31")], "billing_gap"),
        ([invoice("INV-12", "2026-11-15", "2026-12-31")], "period_already_billed"),
        ([invoice("INV-11A", "2026-11-01", "2026-11-30")], "period_already_billed"),
        ([invoice("INV-0", "2025-12-01", "2025-12-31")], "invoice_before_start"),
        ([invoice("INV-11", "2026-12-01", "2026-12-31")], "document_number_used"),
        ([invoice("INV-12", "2026-12-31", "2026-12-01")], "period_reversed"),
        ([credit_memo("CM-1", "INV-99")], "invoice_unknown"),
        ([credit_memo("INV-11", "INV-11")], "document_number_used"),
        ([credit_memo("CM-1", "INV-11"), credit_memo("CM-2", "INV-11")], "invoice_already_credited"),
        ([DECEMBER, credit_memo("CM-1", "INV-11")], "newer_invoice_first"),
        ([DECEMBER, credit_memo("CM-1", "INV-12", "2027-01-01")], "credit_outside_period"),
        ([{"kind": "invoice", "number": "INV-12"}], "field_missing"),
        ([{"kind": "receipt", "number": "INV-12"}], "field_malformed"),
        ([{**DECEMBER, "amount": "1.00"}], "field_unknown"),
        ([{**DECEMBER, "number": "INV 12"}], "identifier_malformed"),
    ],
)
def test_documents_that_cannot_be_right_are_refused_with_a_code_and_nothing_of_the_entry_is_kept(
    fed: Fed, billed: Engine, documents: list[dict[str, Any]], code: str
) -> None:
    before = rows(billed)
    report = fed(1, entry("SUB-1-C", *documents))
    assert outcomes(report) == [("SUB-1-C", code)]
    assert rows(billed) == before


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"documents": [DECEMBER], "next_billing_date": "2026-12-31"}, "next_billing_date_differs"),
        ({"next_billing_date": "2026-11-15"}, "billed_by_invoice"),
        ({"next_billing_date": "2025-12-31"}, "billing_before_start"),
        ({"next_billing_date": "31.12.2026"}, "date_malformed"),
        ({"line": "SUB-9-C"}, "billed_line_unknown"),
        ({"line": None}, "field_missing"),
        ({"line": "a\x00b"}, "field_malformed"),
        ({"line": "\ud800"}, "field_malformed"),
        ({"end_date": "2027-12-31"}, "field_unknown"),
    ],
)
def test_entries_that_cannot_be_right_are_refused_and_hold_up_no_other(
    fed: Fed, fields: dict[str, Any], code: str
) -> None:
    report = fed(1, {"line": "SUB-1-C", **fields}, entry("SUB-2-C", next_billing_date="2027-01-01"), "nothing")
    assert [found for _, found in outcomes(report)] == [code, "taken", "field_malformed"]
    assert (report.taken, report.unchanged, report.outdated, report.refused) == (1, 0, 0, 2)


def test_a_credit_memo_names_an_invoice_of_its_own_line(fed: Fed) -> None:
    assert outcomes(fed(1, entry("SUB-2-C", credit_memo("CM-1", "INV-11")))) == [("SUB-2-C", "invoice_of_another_line")]


def test_the_second_entry_of_a_line_is_refused(fed: Fed) -> None:
    report = fed(1, entry("SUB-1-C", DECEMBER), entry("SUB-1-C", open_billing_line=True))
    assert outcomes(report) == [("SUB-1-C", "taken"), ("SUB-1-C", "duplicate_id")]


def test_an_invoice_for_days_that_count_as_billed_is_recorded_and_moves_nothing(fed: Fed, billed: Engine) -> None:
    report = fed(1, entry("SUB-1-C", invoice("INV-10", "2026-10-01", "2026-10-31")))
    assert (outcomes(report), report.lines[0].posted) == ([("SUB-1-C", "taken")], ("INV-10",))
    assert next_billing_date(billed, "SUB-1-C") == date(2026, 12, 1)


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b"[]", ""),
        (b"{", ""),
        (b'{"sequence": 1}', "source"),
        (b'{"source": "run", "sequence": "1"}', "sequence"),
        (b'{"source": "run", "sequence": 0}', "sequence"),
        (b'{"source": "\\ud800", "sequence": 1}', "source"),
        (b'{"source": "run", "sequence": 1, "lines": {}}', "lines"),
        (b'{"source": "run", "sequence": 1, "line": []}', "line"),
        (b'{"source": "run", "sequence": 1, "sequence": 2}', "sequence"),
    ],
)
def test_a_document_that_cannot_be_read_as_a_whole_is_refused_as_a_whole(
    engine: Engine, content: bytes, path: str
) -> None:
    with pytest.raises(ImportMalformed) as refused:
        import_billing(engine, content, actor="biller", at=NOON, document="run.json")
    assert refused.value.problems[0].path == path


def test_a_line_that_somebody_keeps_locked_is_refused_as_busy_and_holds_up_no_other(fed: Fed, billed: Engine) -> None:
    with Session(billed) as session, session.begin(), ThreadPoolExecutor(1) as executor:
        session.get(SubscriptionLineRow, "SUB-1-C", with_for_update=True)
        report = executor.submit(fed, 1, entry("SUB-1-C", DECEMBER), entry("SUB-2-C", open_billing_line=True)).result()
    assert outcomes(report) == [("SUB-1-C", "database_busy"), ("SUB-2-C", "taken")]


def test_a_report_shows_the_first_thousand_refused_entries_and_all_that_were_taken(billed: Engine) -> None:
    lines = [*[1] * 1_500, entry("SUB-1-C", DECEMBER)]
    content = json.dumps({"source": "invoice-run", "sequence": 1, "lines": lines}).encode()
    report = import_billing(billed, content, actor="biller", at=NOON, document="run.json")
    assert (report.refused, report.taken, report.not_shown, len(report.lines)) == (1_500, 1, 500, 1_001)
    assert report.lines[-1].result == "taken"

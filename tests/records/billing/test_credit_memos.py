"""Credit memos: newest first, of a whole invoice or of its last part, under a number of their own."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from domain.refusals import Refusal
from records.cancellation.quotes import quote_subscription
from storage.tables import BillingDocumentRow
from tests.records.billing.billed_lines import (
    Fed,
    a_document,
    a_line,
    credit,
    credit_memo,
    entry,
    import_document,
    invoice,
    next_billing_date,
    outcomes,
    rows,
)

JANUARY = date(2027, 1, 1)


@pytest.fixture
def prepaid(billed: Engine) -> Engine:
    """A line that is prepaid for a year, from 2026-06-01 to 2027-05-31, and can be ended on any day."""
    document = a_document()
    line = {"id": "SUB-3-C", "start_date": "2026-06-01", "billing_rhythm": "1Y", "next_billing_date": "2027-06-01"}
    document["subscriptions"].append({"id": "SUB-3", "organization": "ORG-1", "lines": [line]})
    document["invoices"].append(
        {"number": "YEAR", "line": "SUB-3-C", "period_start": "2026-06-01", "period_end": "2027-05-31"}
    )
    import_document(billed, document)
    return billed


def quoted(engine: Engine, end: date) -> tuple[tuple[str, ...], date | None]:
    """The invoices to credit first if the line is to end on a day, and the day from which on that suffices."""
    with Session(engine) as session:
        quote = quote_subscription(session, "SUB-3", received_on=end, zone="Europe/Berlin", wished_on=end)
    [line] = quote.lines
    assert line.decision.end_date == end
    assert line.decision.billed_beyond_end == bool(line.credit_memos)
    return line.credit_memos, line.credit_from


def code_of(refused: pytest.ExceptionInfo[Refusal]) -> str:
    return refused.value.code


def test_a_memo_from_a_day_on_credits_the_last_part_and_the_rest_stays_billed(prepaid: Engine) -> None:
    assert quoted(prepaid, date(2026, 12, 31)) == (("YEAR",), JANUARY)
    assert credit(prepaid, "YEAR", "CM-YEAR", credits_from=JANUARY) == "SUB-3"
    with Session(prepaid) as session:
        memo = session.get_one(BillingDocumentRow, "CM-YEAR")
        assert (memo.credits, memo.period_start, memo.period_end) == ("YEAR", JANUARY, date(2027, 5, 31))
    assert next_billing_date(prepaid, "SUB-3-C") == JANUARY
    assert quoted(prepaid, date(2026, 12, 31)) == ((), None)
    assert quoted(prepaid, date(2026, 12, 30)) == (("YEAR",), date(2026, 12, 31))


def test_what_is_left_can_be_credited_later_in_parts_or_as_a_whole(prepaid: Engine) -> None:
    credit(prepaid, "YEAR", "CM-1", credits_from=JANUARY)
    credit(prepaid, "YEAR", "CM-2", credits_from=date(2026, 10, 1))
    assert next_billing_date(prepaid, "SUB-3-C") == date(2026, 10, 1)
    credit(prepaid, "YEAR", "CM-3")
    with Session(prepaid) as session:
        credited = select(BillingDocumentRow).where(BillingDocumentRow.credits == "YEAR")
        periods = {row.number: (row.period_start, row.period_end) for row in session.scalars(credited)}
    assert periods == {
        "CM-1": (JANUARY, date(2027, 5, 31)),
        "CM-2": (date(2026, 10, 1), date(2026, 12, 31)),
        "CM-3": (date(2026, 6, 1), date(2026, 9, 30)),
    }
    assert next_billing_date(prepaid, "SUB-3-C") == date(2026, 6, 1)
    with pytest.raises(Refusal) as refused:
        credit(prepaid, "YEAR", "CM-4")
    assert (code_of(refused), refused.value.values["memo"]) == ("invoice_already_credited", "CM-3")


@pytest.mark.parametrize("day", [date(2026, 5, 31), date(2027, 6, 1)])
def test_a_day_outside_the_period_is_refused(prepaid: Engine, day: date) -> None:
    with pytest.raises(Refusal) as refused:
        credit(prepaid, "YEAR", "CM-1", credits_from=day)
    assert code_of(refused) == "credit_outside_period"


def test_a_day_that_is_credited_already_is_outside_the_period(prepaid: Engine) -> None:
    credit(prepaid, "YEAR", "CM-1", credits_from=JANUARY)
    with pytest.raises(Refusal) as refused:
        credit(prepaid, "YEAR", "CM-2", credits_from=JANUARY)
    assert (code_of(refused), refused.value.values["billed_until"]) == ("credit_outside_period", "2026-12-31")


def test_an_invoice_that_is_credited_in_part_is_still_credited_before_an_older_one(fed: Fed, billed: Engine) -> None:
    fed(1, entry("SUB-1-C", invoice("INV-12", "2026-12-01", "2026-12-31")))
    credit(billed, "INV-12", "CM-12", credits_from=date(2026, 12, 16))
    with pytest.raises(Refusal) as refused:
        credit(billed, "INV-11", "CM-11")
    assert (code_of(refused), refused.value.values["newest"]) == ("newer_invoice_first", "INV-12")
    credit(billed, "INV-12", "CM-12B")
    credit(billed, "INV-11", "CM-11")
    assert next_billing_date(billed, "SUB-1-C") == date(2026, 11, 1)


def test_an_invoice_is_not_credited_while_a_newer_one_must_exist(billed: Engine) -> None:
    document = a_document()
    document["subscriptions"][0]["lines"][0]["next_billing_date"] = "2027-01-01"
    import_document(billed, document)
    with pytest.raises(Refusal) as refused:
        credit(billed, "INV-11", "CM-11")
    assert code_of(refused) == "newer_invoice_unknown"
    assert "2026-12-01" in refused.value.way_out
    assert next_billing_date(billed, "SUB-1-C") == JANUARY


def test_an_invoice_that_its_line_does_not_know_of_is_not_credited(billed: Engine) -> None:
    with billed.begin() as connection:
        connection.execute(text("UPDATE subscription_lines SET next_billing_date = '2026-11-15' WHERE id = 'SUB-1-C'"))
    with pytest.raises(Refusal) as refused:
        credit(billed, "INV-11", "CM-11")
    assert code_of(refused) == "invoice_beyond_next_billing_date"


@pytest.mark.parametrize("number", ["INV-11", "CM-OTHER"])
def test_a_number_that_is_used_is_a_refusal_with_a_code(prepaid: Engine, number: str) -> None:
    if number == "CM-OTHER":
        credit(prepaid, "YEAR", number)
    with pytest.raises(Refusal) as refused:
        credit(prepaid, "INV-11" if number == "CM-OTHER" else "YEAR", number)
    assert (code_of(refused), refused.value.values["number"]) == ("document_number_used", number)


@pytest.mark.parametrize("number", ["", "CM 1", "CM\x001", "C" * 81])
def test_a_number_that_cannot_be_one_is_refused(prepaid: Engine, number: str) -> None:
    with pytest.raises(Refusal) as refused:
        credit(prepaid, "YEAR", number)
    assert code_of(refused) == "document_number_malformed"


def test_two_at_once_under_one_number_are_one_memo_and_one_refusal(prepaid: Engine) -> None:
    def attempt(invoice: str) -> str:
        try:
            return credit(prepaid, invoice, "CM-1")
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(2) as executor:
        results = set(executor.map(attempt, ["YEAR", "INV-11"]))
    assert results in ({"SUB-3", "document_number_used"}, {"SUB-1", "document_number_used"})


def test_the_same_memo_again_changes_nothing(prepaid: Engine) -> None:
    credit(prepaid, "YEAR", "CM-1", credits_from=JANUARY)
    before = rows(prepaid)
    assert credit(prepaid, "YEAR", "CM-1", credits_from=JANUARY) == "SUB-3"
    assert rows(prepaid) == before
    with pytest.raises(Refusal) as refused:
        credit(prepaid, "YEAR", "CM-1")
    assert code_of(refused) == "document_number_used", "the rest is not what CM-1 credited"


def test_the_same_request_again_changes_nothing_also_after_a_later_memo(prepaid: Engine) -> None:
    credit(prepaid, "YEAR", "CM-1", credits_from=JANUARY, request="R-1")
    credit(prepaid, "YEAR", "CM-2", request="R-2")
    before = rows(prepaid)
    assert credit(prepaid, "YEAR", "CM-3", credits_from=JANUARY, request="R-1") == "SUB-3"
    assert rows(prepaid) == before


def test_after_a_partial_memo_the_part_is_billed_anew_by_another_invoice(fed: Fed, prepaid: Engine) -> None:
    credit(prepaid, "YEAR", "CM-1", credits_from=JANUARY)
    assert outcomes(fed(1, entry("SUB-3-C", invoice("AGAIN", "2027-01-01", "2027-05-31")))) == [("SUB-3-C", "taken")]
    assert next_billing_date(prepaid, "SUB-3-C") == date(2027, 6, 1)
    assert quoted(prepaid, date(2026, 11, 30)) == (("AGAIN", "YEAR"), date(2026, 12, 1))


def test_the_feed_posts_partial_memos_too_and_knows_those_that_a_person_posted(fed: Fed, prepaid: Engine) -> None:
    credit(prepaid, "YEAR", "CM-1", credits_from=JANUARY)
    again = entry("SUB-3-C", credit_memo("CM-1", "YEAR", "2027-01-01"), credit_memo("CM-2", "YEAR", "2026-12-01"))
    report = fed(1, again)
    assert (outcomes(report), report.lines[0].posted) == ([("SUB-3-C", "taken")], ("CM-2",))
    assert next_billing_date(prepaid, "SUB-3-C") == date(2026, 12, 1)


def test_a_master_document_from_before_a_memo_bills_nothing_and_one_with_the_right_invoice_does(
    billed: Engine,
) -> None:
    document = a_document()
    document["subscriptions"][1]["lines"] = [a_line("SUB-2-C", "2027-01-01")]
    wrong = {"number": "WRONG", "line": "SUB-2-C", "period_start": "2026-12-01", "period_end": "2026-12-31"}
    document["invoices"].append(wrong)
    import_document(billed, document)
    credit(billed, "WRONG", "CM-WRONG")
    import_document(billed, document)
    assert next_billing_date(billed, "SUB-2-C") == date(2026, 12, 1), "the document is older than the memo"
    document["invoices"].append({**wrong, "number": "RIGHT"})
    import_document(billed, document)
    assert next_billing_date(billed, "SUB-2-C") == JANUARY, "the document knows of an invoice since the memo"

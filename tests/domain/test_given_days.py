"""The days that callers give lie within bounds, far from the ends of the calendar."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from contract.bulk import RowStart
from domain.billing.document import BillingEntry, FedInvoice
from domain.bulk.refusals import BulkRowMalformed
from domain.civil_dates import FIRST_DAY, LAST_DAY, DayOutOfBounds, refuse_out_of_bounds
from domain.imports.document import ImportedInvoice, ImportedLine, ImportedPlannedLine
from domain.lines.line import SubscriptionLine

DAY = timedelta(days=1)
BEYOND = [date.min, FIRST_DAY - DAY, LAST_DAY + DAY, date.max]
LINE = {"id": "L-1", "start_date": "2026-01-01", "billing_rhythm": "1M"}
INVOICE = {"number": "INV-1", "line": "L-1", "period_start": "2026-01-01", "period_end": "2026-01-31"}
DATED: list[tuple[type[Any], dict[str, Any], str]] = [
    *(
        (ImportedLine, LINE, name)
        for name in ("start_date", "next_billing_date", "term_until", "cancellation_possible_until", "end_date")
    ),
    (ImportedPlannedLine, {"id": "P-1", "kind": "renewal", "terms": {"price": "1"}}, "effective_on"),
    *((ImportedInvoice, INVOICE, name) for name in ("period_start", "period_end")),
    *(
        (FedInvoice, {k: v for k, v in INVOICE.items() if k != "line"} | {"kind": "invoice"}, name)
        for name in ("period_start", "period_end")
    ),
    (BillingEntry, {"line": "L-1"}, "next_billing_date"),
]


@pytest.mark.parametrize("day", BEYOND)
@pytest.mark.parametrize(("entry", "fields", "name"), DATED)
def test_a_document_says_no_day_beyond_the_bounds(
    entry: type[Any], fields: dict[str, Any], name: str, day: date
) -> None:
    with pytest.raises(ValidationError, match="is not taken"):
        entry.model_validate({**fields, name: day.isoformat()})


@pytest.mark.parametrize("day", [FIRST_DAY, LAST_DAY])
@pytest.mark.parametrize(("entry", "fields", "name"), DATED)
def test_the_bounds_are_days_like_any_other(entry: type[Any], fields: dict[str, Any], name: str, day: date) -> None:
    assert getattr(entry.model_validate({**fields, name: day.isoformat()}), name) == day


@pytest.mark.parametrize("day", BEYOND)
def test_nor_does_a_row_of_a_bulk_or_a_receipt(day: date) -> None:
    with pytest.raises(BulkRowMalformed, match="received_on"):
        RowStart.of_cells({"subscription": "SUB-1", "received_on": day.isoformat()})
    with pytest.raises(DayOutOfBounds):
        refuse_out_of_bounds(None, "end_of_term", day)


def test_what_was_kept_before_there_were_bounds_is_read() -> None:
    assert SubscriptionLine.model_validate({**LINE, "start_date": "0001-01-01"}).start_date == date.min
    refuse_out_of_bounds(datetime.max.replace(tzinfo=UTC))

"""The plan of an import's invoices."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date

from domain.billing.ledger import overlapping, still_billed
from domain.billing.refusals import PeriodAlreadyBilled
from domain.imports import conflicts
from domain.imports.refusals import InvoiceBeyondBilling
from domain.lines.quote import Invoice
from records.imports.existing import Row
from records.imports.planning import Plan


def plan_invoices(plan: Plan, planned: Mapping[str, date | None], refused: Collection[str]) -> None:
    """Plan the invoices, but those of ``refused`` lines, whose mistakes are reported once.

    ``planned`` are the next billing dates of the document's lines, as they will be.
    """
    next_billing = {line: row["next_billing_date"] for line, row in plan.existing.lines.items()} | dict(planned)
    billed: dict[str, list[Invoice]] = defaultdict(list)
    billed |= {line: still_billed(ledger) for line, ledger in plan.existing.ledgers.items()}
    for placed in plan.document.invoices:
        entry = placed.entry
        row: Row = {
            "number": entry.number,
            "kind": "invoice",
            "subscription_line": entry.line,
            "period_start": entry.period_start,
            "period_end": entry.period_end,
        }
        existing = plan.existing.documents.get(entry.number)
        if existing is not None and any(existing[name] != value for name, value in row.items()):
            plan.refuse(placed.path, conflicts.InvoiceChanged(entry.number))
        elif existing is None and entry.line in next_billing and entry.line not in refused:
            billed_from = next_billing[entry.line]
            if billed_from is None or entry.period_end >= billed_from:
                plan.refuse(f"{placed.path}.period_end", InvoiceBeyondBilling(entry.period_end, billed_from))
            other = overlapping(billed[entry.line], entry.period_start, entry.period_end)
            if other is not None and other.number != entry.number:
                twice = PeriodAlreadyBilled(entry.number, entry.period_start, other.period_end, other.number)
                plan.refuse(f"{placed.path}.period_start", twice)
            billed[entry.line].append(Invoice.model_validate({**row, "line": entry.line}))
        plan.changes["invoices"].put(row, existing, posted_at=plan.at)

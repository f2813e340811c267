"""The ledger of a subscription line: its invoices and credit memos, and how each of them moves its next billing date."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from domain.billing import refusals
from domain.civil_dates import day_text, plus_days
from domain.imports.refusals import BillingBeforeStart, InvoiceBeyondBilling
from domain.lines.line import SubscriptionLine
from domain.lines.quote import Invoice
from domain.lines.refusals import LineClosed


@dataclass(frozen=True, slots=True)
class BillingDocument:
    """A posted invoice for a period of one line, or the credit memo for the last part of one; both days included."""

    number: str
    kind: Literal["invoice", "credit_memo"]
    line: str
    period_start: date
    period_end: date
    credits: str | None = None

    @property
    def in_words(self) -> str:
        """The document in a few words, for the one who used its number again."""
        what = f"a credit memo for {self.credits}" if self.credits else "an invoice"
        return f"{what} on line {self.line}, {day_text(self.period_start)} to {day_text(self.period_end)}"


class Ledger:
    """The documents of one line, to which new ones are posted in order. Raises a refusal, and is of no use then.

    ``documents`` are those of the line, and those of any other line whose numbers may be used again; ``cancellation`` is
    the one that froze the line.
    """

    def __init__(
        self, line: SubscriptionLine, documents: Iterable[BillingDocument], *, cancellation: str | None = None
    ) -> None:
        self.line = line
        self.next_billing_date = line.next_billing_date
        self.posted: list[BillingDocument] = []
        """The new documents, in order."""
        self._documents = {document.number: document for document in documents}
        self._cancellation = cancellation

    def still_billed(self) -> list[Invoice]:
        """Return the invoices that are not wholly credited, newest first, each with the last day that it still bills."""
        return still_billed(document for document in self._documents.values() if document.line == self.line.id)

    def post_invoice(self, number: str, period_start: date, period_end: date) -> None:
        """Post an invoice; one that was posted before changes nothing.

        An invoice for days that count as billed is recorded, and moves nothing: the line was imported with its next billing
        date. Any other begins on the first day that is not billed yet.

        Raises:
            DocumentNumberUsed, InvoiceBeforeStart, PeriodAlreadyBilled, BillingGap, BillingBeyondEnd, LineClosed.

        """
        invoice = BillingDocument(number, "invoice", self.line.id, period_start, period_end)
        if self._is_posted(invoice):
            return
        if period_start < self.line.start_date:
            raise refusals.InvoiceBeforeStart(number, period_start, self.line.start_date)
        if (other := overlapping(self.still_billed(), period_start, period_end)) is not None:
            raise refusals.PeriodAlreadyBilled(number, period_start, other.period_end, other.number)
        due = self.next_billing_date or self.line.start_date
        if period_end >= due:
            if period_start < due:
                raise refusals.PeriodAlreadyBilled(number, period_start, plus_days(due, -1), None)
            if period_start > due:
                raise refusals.BillingGap(number, period_start, due)
            self._advance(plus_days(period_end, 1))
        self._post(invoice)

    def post_credit_memo(self, number: str, invoice: str, credits_from: date | None = None) -> None:
        """Credit what an invoice still bills, or the part of it from a day on; the same memo again changes nothing.

        The next billing date is then the first day that is credited.

        Raises:
            InvoiceUnknown, InvoiceOfAnotherLine, InvoiceAlreadyCredited, DocumentNumberUsed, CreditOutsidePeriod,
            NewerInvoiceFirst, NewerInvoiceUnknown, InvoiceBeyondBilling.

        """
        credited = self._documents.get(invoice)
        if credited is None or credited.kind != "invoice":
            raise refusals.InvoiceUnknown(invoice)
        if credited.line != self.line.id:
            raise refusals.InvoiceOfAnotherLine(invoice, self.line.id, credited.line)
        known = self._documents.get(number)
        start = credits_from or credited.period_start
        if known is not None and (known.credits, known.period_start) == (invoice, start):
            return
        if known is not None:
            raise refusals.DocumentNumberUsed(number, known.in_words)
        billed = self.still_billed()
        rest = next((one for one in billed if one.number == invoice), None)
        if rest is None:
            raise refusals.InvoiceAlreadyCredited(invoice, self._memos_of(invoice)[0].number)
        if not rest.period_start <= start <= rest.period_end:
            raise refusals.CreditOutsidePeriod(invoice, start, rest.period_start, rest.period_end)
        if billed[0].number != invoice:
            raise refusals.NewerInvoiceFirst(invoice, billed[0].number)
        if self.next_billing_date is None or self.next_billing_date <= rest.period_end:
            raise InvoiceBeyondBilling(rest.period_end, self.next_billing_date)
        if self.next_billing_date != plus_days(rest.period_end, 1):
            raise refusals.NewerInvoiceUnknown(invoice, rest.period_end, self.next_billing_date)
        self.next_billing_date = start
        self._post(BillingDocument(number, "credit_memo", self.line.id, start, rest.period_end, invoice))

    def bill_until(self, next_billing_date: date, *, with_documents: bool) -> None:
        """Set the next billing date as an invoice run reports it; ``with_documents``, beside the documents that led to it.

        Raises:
            NextBillingDateDiffers, BillingBeforeStart, BilledByInvoice, BillingBeyondEnd, LineClosed.

        """
        if next_billing_date == self.next_billing_date:
            return
        if with_documents:
            raise refusals.NextBillingDateDiffers(next_billing_date, self.next_billing_date)
        if next_billing_date < self.line.start_date:
            raise BillingBeforeStart(next_billing_date, self.line.start_date)
        if (billed := self.still_billed()) and next_billing_date <= billed[0].period_end:
            raise refusals.BilledByInvoice(next_billing_date, billed[0].number, billed[0].period_end)
        self._advance(next_billing_date)

    def _advance(self, next_billing_date: date) -> None:
        end_date = self.line.end_date
        if end_date is not None and next_billing_date > plus_days(end_date, 1):
            raise refusals.BillingBeyondEnd(self.line.id, next_billing_date, end_date, self._cancellation)
        if end_date is None and self.line.closed:
            raise LineClosed(self.line)
        self.next_billing_date = next_billing_date

    def _is_posted(self, document: BillingDocument) -> bool:
        known = self._documents.get(document.number)
        if known is not None and known != document:
            raise refusals.DocumentNumberUsed(document.number, known.in_words)
        return known is not None

    def _post(self, document: BillingDocument) -> None:
        self._documents[document.number] = document
        self.posted.append(document)

    def _memos_of(self, invoice: str) -> list[BillingDocument]:
        """Return the credit memos for an invoice, the last first: each credits days before those of the one before."""
        memos = (document for document in self._documents.values() if document.credits == invoice)
        return sorted(memos, key=lambda memo: memo.period_start)


def still_billed(documents: Iterable[BillingDocument]) -> list[Invoice]:
    """Return the invoices among the documents of a line that are not wholly credited, newest first."""
    every = list(documents)
    credited_from: dict[str, date] = {}
    for memo in every:
        if memo.credits is not None:
            credited_from[memo.credits] = min(memo.period_start, credited_from.get(memo.credits, date.max))
    billed = [
        Invoice(
            number=invoice.number,
            line=invoice.line,
            period_start=invoice.period_start,
            period_end=plus_days(first, -1) if (first := credited_from.get(invoice.number)) else invoice.period_end,
        )
        for invoice in every
        if invoice.kind == "invoice" and credited_from.get(invoice.number) != invoice.period_start
    ]
    return sorted(billed, key=lambda invoice: invoice.period_start, reverse=True)


def overlapping(billed: Iterable[Invoice], period_start: date, period_end: date) -> Invoice | None:
    """Return an invoice that bills a day of a period, if there is one."""
    for invoice in billed:
        if invoice.period_start <= period_end and period_start <= invoice.period_end:
            return invoice
    return None

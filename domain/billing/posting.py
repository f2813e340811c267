"""The posting of an entry of a billing feed to the ledger of its line."""

from dataclasses import dataclass

from domain.billing.document import BillingEntry, FedInvoice
from domain.billing.ledger import BillingDocument, Ledger
from domain.lines.line import SubscriptionLine
from domain.lines.refusals import LineClosed
from domain.refusals import Refusal


class EntryRefused(Exception):  # noqa: N818 - carries a refusal, which is an answer
    """The refusal of an entry, with the place in it that the refusal is about."""

    def __init__(self, place: str, refusal: Refusal) -> None:
        self.place = place
        self.refusal = refusal
        super().__init__(str(refusal))


@dataclass(frozen=True)
class Posting:
    """A line after its entry, and the documents that are new."""

    line: SubscriptionLine
    documents: tuple[BillingDocument, ...]


def post(ledger: Ledger, entry: BillingEntry) -> Posting:
    """Post an entry's documents in their order, then hold its next billing date against them. Raises `EntryRefused`."""
    place = ""
    try:
        for index, document in enumerate(entry.documents):
            place = f"documents[{index}]"
            if isinstance(document, FedInvoice):
                ledger.post_invoice(document.number, document.period_start, document.period_end)
            else:
                ledger.post_credit_memo(document.number, document.credits, document.credits_from)
        if entry.next_billing_date is not None:
            place = "next_billing_date"
            ledger.bill_until(entry.next_billing_date, with_documents=bool(entry.documents))
        place = "open_billing_line"
        if entry.open_billing_line and ledger.line.closed:
            raise LineClosed(ledger.line)
    except Refusal as refusal:
        raise EntryRefused(place, refusal) from None
    changes = {"next_billing_date": ledger.next_billing_date}
    if entry.open_billing_line is not None:
        changes["open_billing_line"] = entry.open_billing_line  # type: ignore[assignment]
    return Posting(ledger.line.model_copy(update=changes), tuple(ledger.posted))

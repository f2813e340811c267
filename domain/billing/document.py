"""The document in which an invoice run reports what it posted: its entries, field by field (docs/billing-format.md)."""

from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import Discriminator, StrictBool, StrictInt, StringConstraints, TypeAdapter, ValidationError

from domain.billing.refusals import DocumentNumberMalformed
from domain.civil_dates import EnteredDate
from domain.imports.document import Entry
from domain.vocabulary import Identifier

DocumentNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
"""The number of a billing document: longer than an id, because that of a credit memo is made of its invoice's."""

_NUMBER: TypeAdapter[str] = TypeAdapter(DocumentNumber)


class FedInvoice(Entry):
    """A posted invoice for a period of the entry's line, both days included."""

    kind: Literal["invoice"]
    number: DocumentNumber
    period_start: EnteredDate
    period_end: EnteredDate


class FedCreditMemo(Entry):
    """A posted credit memo for what an invoice still bills, or for the last part of it."""

    kind: Literal["credit_memo"]
    number: DocumentNumber
    credits: DocumentNumber
    credits_from: EnteredDate | None = None
    """The first day that is credited; if not set, everything that is still billed."""


class BillingEntry(Entry):
    """The billing of one line since its last entry. What is not set stays as it is, or follows from the documents."""

    line: Identifier
    next_billing_date: EnteredDate | None = None
    open_billing_line: StrictBool | None = None
    documents: tuple[Annotated[FedInvoice | FedCreditMemo, Discriminator("kind")], ...] = ()
    """In the order in which they were posted."""


class FeedPosition(Entry):
    """The place of a document in its feed."""

    source: Identifier
    """The name of the feed; each counts for itself."""
    sequence: Annotated[StrictInt, Ge(1), Le(9_223_372_036_854_775_807)]
    """Higher than that of every document of the feed before it."""


def document_number(given: str) -> str:
    """Return the number of a billing document. Raises `DocumentNumberMalformed`."""
    try:
        return _NUMBER.validate_python(given)
    except ValidationError:
        raise DocumentNumberMalformed from None

"""Credit memos that a person posts: newest invoice first, each exactly once, with their effect on the next billing date."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.billing.document import document_number
from domain.billing.refusals import InvoiceUnknown
from records import audit
from records.billing.ledgers import (
    credit_memo_step,
    ledger_of,
    locked_line,
    record_credit_memo,
    refuse_number_elsewhere,
    save,
)
from records.cancellation.open_billing import end_line_of, lock_subscription_of
from records.transaction import Transaction
from storage.tables import BillingDocumentRow, CancellationRow, SubscriptionLineRow


@dataclass(frozen=True)
class PostedCreditMemo:
    """The outcome of a posted credit memo."""

    subscription: str
    cancellation: str | None = None
    """The cancellation that has frozen the line, if one has."""
    workflow_id: str | None = None
    """The workflow of that."""


def post_credit_memo(
    transaction: Transaction,
    invoice: str,
    *,
    number: str,
    actor: str,
    at: datetime,
    credits_from: date | None = None,
    request: str | None = None,
) -> PostedCreditMemo:
    """Credit an invoice, or the part of it from a day on.

    The line's next billing date becomes the first day that is credited; a line whose end waited for this credit memo ends in
    the same transaction. A repeated request changes nothing, nor does the
    same memo for the same invoice under the same number.

    Raises:
        DocumentNumberMalformed, and the refusals of `domain.billing.ledger.Ledger.post_credit_memo`.

    """
    session = transaction.session
    number = document_number(number)
    credited = session.get(BillingDocumentRow, invoice)
    if credited is None or credited.kind != "invoice":
        raise InvoiceUnknown(invoice)
    lock_subscription_of(session, credited.subscription_line)
    line = locked_line(session, credited.subscription_line)
    assert line is not None  # noqa: S101 - the foreign key says so
    posted = session.scalars(select(BillingDocumentRow.number).where(BillingDocumentRow.credits == invoice)).all()
    if any(audit.is_from(session, credit_memo_step(name), request) for name in (invoice, *posted)):
        return _posted(session, line)
    refuse_number_elsewhere(session, number, line.subscription)
    ledger = ledger_of(session, line, [number])
    ledger.post_credit_memo(number, invoice, credits_from)
    before = line.next_billing_date.isoformat() if line.next_billing_date else None
    line.next_billing_date = ledger.next_billing_date
    save(session, ledger.posted, at=at)
    for memo in ledger.posted:
        since = f" from {memo.period_start.isoformat()} on" if credits_from else ""
        why = f"takes back invoice {invoice}{since}"
        record_credit_memo(transaction, memo, line, actor=actor, at=at, why=why, before=before, request=request)
    end_line_of(transaction, line, actor=actor, at=at)
    return _posted(session, line)


def _posted(session: Session, line: SubscriptionLineRow) -> PostedCreditMemo:
    if line.frozen_by is None:
        return PostedCreditMemo(line.subscription)
    return PostedCreditMemo(
        line.subscription, line.frozen_by, session.get_one(CancellationRow, line.frozen_by).workflow_id
    )

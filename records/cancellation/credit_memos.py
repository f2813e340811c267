"""Credit memos: posted newest invoice first, each exactly once, with their effect on the next billing date."""

from datetime import datetime

from sqlalchemy import select

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from records import audit
from records.cancellation.open_billing import end_line_of, lock_subscription_of
from records.lines.rows import uncredited_invoices
from records.transaction import Transaction
from storage.tables import BillingDocumentRow, SubscriptionLineRow


class InvoiceUnknown(Refusal):
    """The refusal of a number that no invoice has."""

    code = "invoice_unknown"

    def __init__(self, number: str) -> None:
        super().__init__(f"There is no invoice {number!r}.", remedy=Remedy.of(RemedyKind.CHECK_NUMBER), invoice=number)


class InvoiceAlreadyCredited(Refusal):
    """The refusal of a second credit memo for an invoice."""

    code = "invoice_already_credited"

    def __init__(self, number: str, memo: str) -> None:
        super().__init__(
            f"Invoice {number} is already credited by {memo}.",
            remedy=Remedy.of(RemedyKind.NOTHING_TO_DO),
            invoice=number,
            memo=memo,
        )


class NewerInvoiceFirst(Refusal):
    """The refusal while a newer invoice of the same line is not credited yet (rules, section 6)."""

    code = "newer_invoice_first"

    def __init__(self, number: str, newest: str) -> None:
        super().__init__(
            f"Invoice {number} cannot be credited while the newer {newest} is not.",
            remedy=Remedy.of(RemedyKind.POST_CREDIT_MEMO, invoice=newest),
            invoice=number,
            newest=newest,
        )


def post_credit_memo(
    transaction: Transaction, invoice: str, *, number: str, actor: str, at: datetime, request: str | None = None
) -> str:
    """Credit an invoice and set the line's next billing date to the start of its period; return the subscription.

    A line whose end waited for this credit memo ends in the same transaction. A repeated request changes nothing.

    Raises:
        InvoiceUnknown, InvoiceAlreadyCredited, NewerInvoiceFirst.

    """
    session = transaction.session
    credited = session.get(BillingDocumentRow, invoice)
    if credited is None or credited.kind != "invoice":
        raise InvoiceUnknown(invoice)
    lock_subscription_of(session, credited.subscription_line)
    line = session.get_one(SubscriptionLineRow, credited.subscription_line, with_for_update=True)
    memo = session.scalar(select(BillingDocumentRow).where(BillingDocumentRow.credits == invoice))
    step = f"credit_memo:{invoice}"
    if memo is not None and audit.is_from(session, step, request):
        return line.subscription
    if memo is not None:
        raise InvoiceAlreadyCredited(invoice, memo.number)
    newest = uncredited_invoices(session, BillingDocumentRow.subscription_line == line.id)[0]
    if newest.number != invoice:
        raise NewerInvoiceFirst(invoice, newest.number)
    session.add(
        BillingDocumentRow(
            number=number,
            kind="credit_memo",
            subscription_line=line.id,
            period_start=credited.period_start,
            period_end=credited.period_end,
            credits=invoice,
            posted_at=at,
        )
    )
    before, line.next_billing_date = line.next_billing_date, credited.period_start
    audit.record(
        transaction,
        "credit_memo.posted",
        actor=actor,
        at=at,
        step=step,
        why=f"takes back invoice {invoice}",
        subscription=line.subscription,
        subscription_line=line.id,
        before={"next_billing_date": before.isoformat() if before else None},
        after={
            "next_billing_date": credited.period_start.isoformat(),
            "credit_memo": number,
            **audit.request(request),
        },
    )
    end_line_of(transaction, line, actor=actor, at=at)
    return line.subscription

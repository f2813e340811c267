"""Ledgers of subscription lines under lock, and the documents that are posted to them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import exists, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.billing.ledger import BillingDocument, Ledger
from domain.billing.refusals import DocumentNumberUsed
from records import audit
from records.lines.rows import as_domain
from records.transaction import Transaction
from storage.refusals import violated_constraint
from storage.tables import BillingDocumentRow, SubscriptionLineRow, SubscriptionRow


def locked_line(session: Session, line: str) -> SubscriptionLineRow | None:
    """Return a line, locked until the transaction ends; None if there is none with this id."""
    return session.get(SubscriptionLineRow, line, with_for_update=True)


def ledger_of(session: Session, line: SubscriptionLineRow, numbers: Collection[str]) -> Ledger:
    """Return the ledger of a locked line; ``numbers`` are those of the documents to be posted, and of what they credit."""
    rows = session.scalars(
        select(BillingDocumentRow).where(
            or_(BillingDocumentRow.subscription_line == line.id, BillingDocumentRow.number.in_(numbers))
        )
    )
    return Ledger(as_domain(line), [as_document(row) for row in rows], cancellation=line.frozen_by)


def refuse_number_elsewhere(session: Session, number: str, subscription: str) -> None:
    """Refuse the number of another organization's document, of which nothing else is said. Raises DocumentNumberUsed."""
    organization = select(SubscriptionRow.organization).where(SubscriptionRow.id == subscription).scalar_subquery()
    elsewhere = (
        exists()
        .where(BillingDocumentRow.number == number, SubscriptionLineRow.id == BillingDocumentRow.subscription_line)
        .where(SubscriptionRow.id == SubscriptionLineRow.subscription, SubscriptionRow.organization != organization)
    )
    if session.scalar(select(elsewhere)):
        raise DocumentNumberUsed(number, "one of somebody else")


def as_document(row: BillingDocumentRow) -> BillingDocument:
    """Return the value object that the rules work on."""
    return BillingDocument(
        number=row.number,
        kind="credit_memo" if row.credits else "invoice",
        line=row.subscription_line,
        period_start=row.period_start,
        period_end=row.period_end,
        credits=row.credits,
    )


def save(session: Session, documents: Sequence[BillingDocument], *, at: datetime) -> None:
    """Write new documents. Raises DocumentNumberUsed for a number that somebody else gives to another one just now."""
    for document in documents:
        session.add(
            BillingDocumentRow(
                number=document.number,
                kind=document.kind,
                subscription_line=document.line,
                period_start=document.period_start,
                period_end=document.period_end,
                credits=document.credits,
                posted_at=at,
            )
        )
        try:
            session.flush()  # one by one: a credit memo is held against its invoice
        except IntegrityError as error:
            if violated_constraint(error) == "pk_billing_documents":
                raise DocumentNumberUsed(document.number, "one that was posted just now") from None
            raise


def record_credit_memo(
    transaction: Transaction,
    memo: BillingDocument,
    line: SubscriptionLineRow,
    *,
    actor: str,
    at: datetime,
    why: str,
    before: str | None,
    request: str | None = None,
) -> None:
    """Audit a posted credit memo, with the next billing date ``before`` it."""
    audit.record(
        transaction,
        "credit_memo.posted",
        actor=actor,
        at=at,
        step=credit_memo_step(memo.number),
        why=why,
        subscription=line.subscription,
        subscription_line=line.id,
        before={"next_billing_date": before},
        after={
            "next_billing_date": memo.period_start.isoformat(),
            "credit_memo": memo.number,
            "invoice": memo.credits,
            **audit.request(request),
        },
    )


def credit_memo_step(number: str) -> str:
    """Return the step that posts a credit memo. Earlier versions named it by the invoice, which had one memo."""
    return f"credit_memo:{number}"

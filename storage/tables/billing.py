"""Billing documents of subscription lines, and the place of each line in the feeds that report them."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Table, in_calendar, one_of


class BillingDocumentRow(Table):
    """An invoice for a period of one line, or a credit memo for one, or for the last part of it."""

    __tablename__ = "billing_documents"
    __table_args__ = (
        one_of("kind", ("invoice", "credit_memo")),
        CheckConstraint("period_start <= period_end", name="period_in_order"),
        in_calendar("period_start", "period_end"),
        CheckConstraint("(kind = 'credit_memo') = (credits IS NOT NULL)", name="credit_memo_credits_an_invoice"),
        UniqueConstraint("credits", "period_end"),  # what an invoice still bills is credited once
        Index("ix_billing_documents_line_period", "subscription_line", "period_start"),
    )

    number: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subscription_line: Mapped[str] = mapped_column(ForeignKey("subscription_lines.id"))
    period_start: Mapped[date]
    period_end: Mapped[date]
    credits: Mapped[str | None] = mapped_column(ForeignKey("billing_documents.number"))
    """The invoice that a credit memo credits, from the memo's ``period_start`` on."""
    posted_at: Mapped[datetime | None]


class BillingFeedPositionRow(Table):
    """The newest document of a billing feed from which a line has taken its entry."""

    __tablename__ = "billing_feed_positions"

    subscription_line: Mapped[str] = mapped_column(ForeignKey("subscription_lines.id"), primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    sequence: Mapped[int]
    digest: Mapped[str]
    """A digest of the entry, by which a repetition is told from another entry under the same number."""
    taken_at: Mapped[datetime]

"""Subscription lines, their places on contracts and their planned lines."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import JsonObject, Table, a_term, in_calendar, one_of

# Both halves of `domain.lines.terms.update_as_of`: when a line is to be closed, and when it is to be rolled. Written as
# PostgreSQL returns it, so that `alembic check` can compare.
DUE_AFTER = """
    CASE WHEN closed THEN NULL::date ELSE LEAST(
        CASE WHEN end_date = (next_billing_date - 1) AND NOT open_billing_line THEN end_date ELSE NULL::date END,
        CASE WHEN frozen_by IS NULL AND subsequent_term IS NOT NULL THEN
            CASE WHEN notice_period IS NULL THEN COALESCE(term_until, start_date)
            ELSE COALESCE(cancellation_possible_until, term_until, start_date) END
        ELSE NULL::date END
    ) END
"""


class SubscriptionLineRow(Table):
    """One billed position. Field names are those of JSON (docs/import-format.md)."""

    __tablename__ = "subscription_lines"
    # Nothing that the database fills in is read back: an older schema, which clients may meet for a while, has less of it.
    __mapper_args__ = {"eager_defaults": False}  # noqa: RUF012
    __table_args__ = (
        one_of("partner", ("customer", "vendor")),
        CheckConstraint("end_date >= start_date - 1", name="end_not_before_start"),
        CheckConstraint("end_date >= next_billing_date - 1", name="not_billed_beyond_end"),
        CheckConstraint("next_billing_date >= start_date", name="billing_not_before_start"),
        CheckConstraint("NOT closed OR (term_until IS NULL AND cancellation_possible_until IS NULL)",
                        name="closed_has_no_term"),
        a_term("initial_term"),
        a_term("subsequent_term", moves_forward=True),
        a_term("notice_period"),
        a_term("billing_rhythm"),
        in_calendar("start_date", "next_billing_date", "term_until", "cancellation_possible_until", "end_date"),
        Index("ix_subscription_lines_subscription", "subscription"),
        Index("ix_subscription_lines_due", "due_after", "id", postgresql_where=text("due_after IS NOT NULL")),
        Index("ix_subscription_lines_never_billed", "end_date", "id",
              postgresql_where=text("NOT closed AND next_billing_date IS NULL AND end_date IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)
    subscription: Mapped[str] = mapped_column(ForeignKey("subscriptions.id"))
    partner: Mapped[str]
    start_date: Mapped[date]
    initial_term: Mapped[str | None]
    subsequent_term: Mapped[str | None]
    notice_period: Mapped[str | None]
    billing_rhythm: Mapped[str]
    next_billing_date: Mapped[date | None]
    term_until: Mapped[date | None]
    cancellation_possible_until: Mapped[date | None]
    end_date: Mapped[date | None]
    open_billing_line: Mapped[bool] = mapped_column(server_default=text("false"))
    closed: Mapped[bool] = mapped_column(server_default=text("false"))
    frozen_by: Mapped[str | None] = mapped_column(ForeignKey("cancellations.id", use_alter=True), index=True)
    """The accepted cancellation under which the line's term dates do not change."""
    known_since: Mapped[datetime] = mapped_column(server_default=text("now()"), deferred=True)
    """The instant since which the line is known here; what it was before is in no audit trail."""
    due_after: Mapped[date | None] = mapped_column(Computed(DUE_AFTER, persisted=True), deferred=True)
    """The last day as of which the nightly update leaves the line alone, if there is one; computed by the database."""


class ContractLineRow(Table):
    """The place of a subscription line on a contract; a line is on at most one."""

    __tablename__ = "contract_lines"

    contract: Mapped[str] = mapped_column(ForeignKey("contracts.number"), primary_key=True)
    line_number: Mapped[int] = mapped_column(primary_key=True)
    subscription_line: Mapped[str] = mapped_column(ForeignKey("subscription_lines.id"), unique=True)
    closed: Mapped[bool] = mapped_column(server_default=text("false"))


class PlannedLineRow(Table):
    """A pending renewal or price change. At most one per line; a cancellation withdraws it, a reversal restores it."""

    __tablename__ = "planned_lines"
    __table_args__ = (
        one_of("kind", ("renewal", "price_change")),
        Index("uq_planned_lines_pending", "subscription_line", unique=True,
              postgresql_where=text("withdrawn_by IS NULL")),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)
    subscription_line: Mapped[str] = mapped_column(ForeignKey("subscription_lines.id"), index=True)
    kind: Mapped[str]
    effective_on: Mapped[date]
    terms: Mapped[JsonObject]
    withdrawn_by: Mapped[str | None] = mapped_column(ForeignKey("cancellations.id"), index=True)

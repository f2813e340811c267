"""The audit trail, and the outbox of messages about it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.vocabulary import Channel
from storage.tables.base import JsonObject, Table, one_of


class AuditRow(Table):
    """One entry of the audit trail: actor, action, instant, reason and change.

    Append-only, enforced by a trigger, which lets the words of a case go that ended long ago (`records.privacy`).
    """

    __tablename__ = "audit_trail"
    __table_args__ = (
        CheckConstraint("at BETWEEN '1970-01-01 00:00Z' AND '3000-01-01 00:00Z'", name="at_is_an_instant"),
        CheckConstraint(
            "jsonb_typeof(before) IN ('object', 'null') AND jsonb_typeof(after) IN ('object', 'null')",
            name="changes_are_objects",
        ),
        Index("ix_audit_trail_cancellation", "cancellation", "id"),
        Index("ix_audit_trail_subscription_line", "subscription_line", "id"),
        Index("ix_audit_trail_subscription", "subscription", "id", postgresql_where=text("subscription_line IS NULL")),
        Index("ix_audit_trail_words", "at", postgresql_where=text("why IS NOT NULL")),
        Index("ix_audit_trail_words_of_bulks", "at", postgresql_where=text("why IS NOT NULL AND action LIKE 'bulk.%'")),
        Index(
            "ix_audit_trail_refused_starts",
            "at",
            postgresql_where=text(
                "why IS NOT NULL AND action IN ('cancellation.refused', "
                "'line_cancellation.refused', 'marketing_cancellation.refused')"
            ),
        ),
        Index("ix_audit_trail_run", "run", "subscription_line", postgresql_where=text("run IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    why: Mapped[str | None]
    subscription: Mapped[str | None]
    subscription_line: Mapped[str | None]
    cancellation: Mapped[str | None]
    before: Mapped[JsonObject | None]
    after: Mapped[JsonObject | None]
    step: Mapped[str | None] = mapped_column(unique=True)
    """The idempotency key of the step that wrote this row: workflow id and business step."""
    why_digest: Mapped[str | None]
    """SHA-256 of the reason, where that was removed."""
    run: Mapped[str | None]
    """The run of the nightly update that caused it (`LineDatesRunRow`), if one did."""


class MessageRow(Table):
    """One message to one receiver on one channel, first as owed, then as delivered or given up."""

    __tablename__ = "messages"
    __table_args__ = (
        one_of("channel", Channel),
        CheckConstraint("num_nonnulls(delivered_at, failed_at) <= 1", name="delivered_or_failed"),
        CheckConstraint("(bulk IS NULL) = (gathered_at IS NULL)", name="gathered_in_a_bulk"),
        CheckConstraint("letter IS NULL OR bulk IS NOT NULL", name="letter_of_gathered_mail"),
        CheckConstraint("bulk IS NULL OR channel = 'mail'", name="mail_is_gathered"),
        CheckConstraint("(put_off = 0) = (put_off_since IS NULL) AND (next_attempt_at IS NULL) = (put_off = 0 OR channel = 'mail')",
                        name="put_off_until"),
        Index("ix_messages_cancellation", "cancellation", "channel", "sequence"),
        Index("ix_messages_marketing_cancellation", "marketing_cancellation", "channel", "sequence"),
        Index("ix_messages_pending", "cancellation", "channel", "sequence",
              postgresql_where=text("delivered_at IS NULL AND failed_at IS NULL")),
        Index("ix_messages_pending_of_marketing", "marketing_cancellation", "channel", "sequence",
              postgresql_where=text("delivered_at IS NULL AND failed_at IS NULL")),
        Index("ix_messages_pending_of_runs", "sequence",
              postgresql_where=text("run IS NOT NULL AND delivered_at IS NULL AND failed_at IS NULL")),
        Index("ix_messages_of_endpoints", "recipient", "sequence", postgresql_where=text("channel = 'webhook'")),
        Index("ix_messages_owed_to_endpoints", "recipient", text("next_attempt_at NULLS FIRST"), "sequence",
              postgresql_where=text("channel = 'webhook' AND delivered_at IS NULL AND failed_at IS NULL")),
        Index("ix_messages_owed_of_cases", "recipient", text("coalesce(cancellation, marketing_cancellation, run)"), "sequence",
              postgresql_where=text("channel = 'webhook' AND delivered_at IS NULL AND failed_at IS NULL")),
        Index("ix_messages_gathered", "bulk", "event",
              postgresql_where=text("bulk IS NOT NULL AND delivered_at IS NULL AND failed_at IS NULL")),
        Index("ix_messages_letter", "letter", postgresql_where=text("letter IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(Identity(always=True), unique=True)
    cancellation: Mapped[str | None] = mapped_column(ForeignKey("cancellations.id"))
    event: Mapped[str]
    channel: Mapped[str]
    recipient: Mapped[str]
    """An e-mail address, or the name of a webhook endpoint."""
    addressee: Mapped[str | None]
    """Who a mail is for (`records.addressees`), whose address on record when it is sent becomes its recipient; None if not known."""
    content: Mapped[JsonObject]
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    failure: Mapped[str | None]
    run: Mapped[str | None] = mapped_column(ForeignKey("line_dates_runs.id"))
    """The run of the nightly update that the message is about, if any."""
    marketing_cancellation: Mapped[str | None] = mapped_column(ForeignKey("marketing_cancellations.id"))
    """The cancellation of a marketing service alone that the message is about, if any."""
    bulk: Mapped[str | None] = mapped_column(ForeignKey("bulks.id"))
    """The bulk of an organization as a whole, with whose other mails this one is gathered into one letter."""
    gathered_at: Mapped[datetime | None]
    """The instant since which it waits for the others, by the clock of the database."""
    leased_until: Mapped[datetime | None]
    """The instant, by the clock of the database, until which a delivery is sending it to a webhook endpoint."""
    put_off: Mapped[int] = mapped_column(server_default=text("0"))
    """How often its receiver has put it off: a webhook endpoint, or a mail server that takes other mails."""
    put_off_since: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    letter: Mapped[str | None]
    """The id of the letter in which it goes, fixed before the letter is first sent."""

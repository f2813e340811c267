"""Webhook endpoints, and the log of what was sent to them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from domain.webhooks import CONFIGURED, EndpointState
from storage.tables.base import Table, one_of


class WebhookEndpointRow(Table):
    """One system that hears of events. Its secrets are derived when they are needed, and in no row."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        one_of("state", EndpointState),
        CheckConstraint("name ~ '^[a-z0-9][a-z0-9-]{0,39}$'", name="name_has_its_form"),
        CheckConstraint(f"(url IS NULL) = (name = '{CONFIGURED}')", name="has_a_url_or_is_configured"),
        CheckConstraint(f"(secret IS NULL) = (name = '{CONFIGURED}')", name="has_a_secret_or_is_configured"),
        CheckConstraint("(state = 'paused') <= (paused_at IS NOT NULL AND paused_by IS NOT NULL)", name="paused_by_somebody"),
        CheckConstraint("duties <@ '{access,erasure}'", name="duties_known"),
        CheckConstraint("state <> 'removed' OR owner IS NULL", name="removed_without_owner"),
        CheckConstraint("(previous_secret IS NULL) = (previous_until IS NULL)", name="previous_secret_ends"),
    )  # fmt: skip

    name: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str | None]
    events: Mapped[list[str]] = mapped_column(ARRAY(TEXT), server_default="{}")
    duties: Mapped[list[str]] = mapped_column(ARRAY(TEXT), server_default="{}")
    """What it has registered for as a system (`domain.system_tasks.Duty`)."""
    owner: Mapped[str | None]
    state: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    request: Mapped[str | None] = mapped_column(unique=True)
    """The request that added it."""
    secret: Mapped[str | None]
    """What its secret is derived from, beside a key: the key's name and a number."""
    previous_secret: Mapped[str | None]
    previous_until: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    paused_by: Mapped[str | None]
    paused_because: Mapped[str | None]
    owner_notified_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    """How many messages it has put off for the first time since it last took one."""
    rejections: Mapped[int] = mapped_column(server_default=text("0"))
    """How many messages in a row it refused for good."""
    next_attempt_at: Mapped[datetime | None]
    slow_until: Mapped[datetime | None]
    """The instant until which it counts as slow; null if it never answered slowly."""
    resumed_at: Mapped[datetime | None]
    """The instant from which messages that it had put off before count as if it never had."""
    gave_up_at: Mapped[datetime | None]
    """The instant at which a message was last given up after days, until its owner is notified."""
    followed_until: Mapped[datetime | None]
    """The instant, by the clock of the database, until which nobody else asks the endpoint's own workflow to look; none once it has looked."""
    last_failure: Mapped[str | None]


class WebhookAttemptRow(Table):
    """One attempt to send a message to an endpoint."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (Index("ix_webhook_attempts_message", "message", "id"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    message: Mapped[str] = mapped_column(ForeignKey("messages.id"))
    at: Mapped[datetime]
    status: Mapped[int | None]
    """The status of the answer; null where there was none."""
    failure: Mapped[str | None]
    milliseconds: Mapped[int]

"""Webhook endpoints of which there may be several, and the log of what was sent to them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    filters: sa.Column[list[str]] = sa.Column(
        "events", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False
    )
    op.create_table(
        "webhook_endpoints",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        filters,
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=True),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("previous_secret", sa.Text(), nullable=True),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("paused_because", sa.Text(), nullable=True),
        sa.Column("owner_notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rejections", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_failure", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('active', 'paused', 'removed')", name=op.f("ck_webhook_endpoints_state_known")),
        sa.CheckConstraint("name ~ '^[a-z0-9][a-z0-9-]{0,39}$'", name=op.f("ck_webhook_endpoints_name_has_its_form")),
        sa.CheckConstraint(
            "(url IS NULL) = (name = 'webhook')", name=op.f("ck_webhook_endpoints_has_a_url_or_is_configured")
        ),
        sa.CheckConstraint(
            "(secret IS NULL) = (name = 'webhook')", name=op.f("ck_webhook_endpoints_has_a_secret_or_is_configured")
        ),
        sa.CheckConstraint(
            "(state = 'paused') <= (paused_at IS NOT NULL AND paused_by IS NOT NULL)",
            name=op.f("ck_webhook_endpoints_paused_by_somebody"),
        ),
        sa.CheckConstraint(
            "(previous_secret IS NULL) = (previous_until IS NULL)",
            name=op.f("ck_webhook_endpoints_previous_secret_ends"),
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_webhook_endpoints")),
        sa.UniqueConstraint("request", name=op.f("uq_webhook_endpoints_request")),
    )
    op.create_table(
        "webhook_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name=op.f("fk_webhook_attempts_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempts")),
    )
    op.create_index("ix_webhook_attempts_message", "webhook_attempts", ["message", "id"])
    op.create_index(
        "ix_messages_of_endpoints",
        "messages",
        ["recipient", "sequence"],
        postgresql_where=sa.text("channel = 'webhook'"),
    )
    op.create_index(
        "ix_messages_owed_to_endpoints",
        "messages",
        ["recipient", "sequence"],
        postgresql_where=sa.text("channel = 'webhook' AND delivered_at IS NULL AND failed_at IS NULL"),
    )
    # Messages of before are owed to the endpoint of the configuration; a worker says whether it still has one.
    op.execute(
        "INSERT INTO webhook_endpoints (name, state, created_at, created_by) "
        "SELECT 'webhook', 'active', now(), 'offramp' WHERE EXISTS (SELECT FROM messages WHERE channel = 'webhook')"
    )


def downgrade() -> None:
    """Revert."""
    op.drop_index("ix_messages_owed_to_endpoints", "messages")
    op.drop_index("ix_messages_of_endpoints", "messages")
    op.drop_table("webhook_attempts")
    op.drop_table("webhook_endpoints")

"""A message that a webhook endpoint puts off waits by itself, with those after it of its case alone; a slow endpoint is known to every process."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_OWED = sa.text("channel = 'webhook' AND delivered_at IS NULL AND failed_at IS NULL")


def upgrade() -> None:
    """Apply."""
    put_off: sa.Column[int] = sa.Column("put_off", sa.BigInteger(), server_default="0", nullable=False)
    op.add_column("messages", put_off)
    op.add_column("messages", sa.Column("put_off_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_messages_put_off_until"),
        "messages",
        "num_nonnulls(put_off_since, next_attempt_at) = CASE put_off WHEN 0 THEN 0 ELSE 2 END",
    )
    op.drop_index("ix_messages_owed_to_endpoints", "messages")
    op.create_index(
        "ix_messages_owed_to_endpoints",
        "messages",
        ["recipient", sa.text("next_attempt_at NULLS FIRST"), "sequence"],
        postgresql_where=_OWED,
    )
    op.create_index(
        "ix_messages_owed_of_cases",
        "messages",
        ["recipient", sa.text("coalesce(cancellation, marketing_cancellation, run)"), "sequence"],
        postgresql_where=_OWED,
    )
    op.add_column("webhook_endpoints", sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("webhook_endpoints", sa.Column("slow_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("webhook_endpoints", sa.Column("gave_up_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Revert."""
    op.drop_column("webhook_endpoints", "gave_up_at")
    op.drop_column("webhook_endpoints", "slow_until")
    op.drop_column("webhook_endpoints", "resumed_at")
    op.drop_index("ix_messages_owed_of_cases", "messages")
    op.drop_index("ix_messages_owed_to_endpoints", "messages")
    op.create_index("ix_messages_owed_to_endpoints", "messages", ["recipient", "sequence"], postgresql_where=_OWED)
    op.drop_constraint(op.f("ck_messages_put_off_until"), "messages")
    for column in ("next_attempt_at", "put_off_since", "put_off"):
        op.drop_column("messages", column)

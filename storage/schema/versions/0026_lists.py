"""Indexes for each filter of lists, of a million cases too; parts of words are found by their trigrams."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

WORDS = {
    "cancellations": ("id",),
    "subscriptions": ("description",),
    "organizations": ("id", "unique_name"),
}


def upgrade() -> None:
    """Apply."""
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")  # which the owner of a database may, from PostgreSQL 13 on
    for table, columns in WORDS.items():
        for column in columns:
            op.create_index(
                f"ix_{table}_{column}_words",
                table,
                [column],
                postgresql_using="gin",
                postgresql_ops={column: "gin_trgm_ops"},
            )
    op.create_index("ix_cancellations_subscription", "cancellations", ["subscription", "received_at"])
    op.create_index("ix_cancellations_reason_code", "cancellations", ["reason_code", "received_at", "id"])
    op.create_index("ix_cancellations_stage_received", "cancellations", ["stage", "received_at", "id"])
    op.drop_index("ix_cancellations_stage_received_at", "cancellations")
    # In the order of lists: the one by deadline is for those that few meet.
    op.create_index(
        "ix_cancellations_with_deadline",
        "cancellations",
        ["received_at", "id"],
        postgresql_include=["stage_deadline"],
        postgresql_where=sa.text("stage_deadline IS NOT NULL"),
    )


def downgrade() -> None:
    """Revert."""
    op.create_index("ix_cancellations_stage_received_at", "cancellations", ["stage", "received_at"])
    for name in ("with_deadline", "stage_received", "reason_code", "subscription"):
        op.drop_index(f"ix_cancellations_{name}", "cancellations")
    for table, columns in WORDS.items():
        for column in columns:
            op.drop_index(f"ix_{table}_{column}_words", table)
    op.execute(sa.text("DROP EXTENSION IF EXISTS pg_trgm"))

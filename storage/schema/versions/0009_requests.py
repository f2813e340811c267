"""Requests about cases, each with its first answer (rules, section 8)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "requests",
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("named", sa.Text(), nullable=True),
        sa.Column("cancellation", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refusal", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint("num_nonnulls(accepted_at, refusal) <= 1", name=op.f("ck_requests_answered_once")),
        sa.PrimaryKeyConstraint("workflow_id", "id", name=op.f("pk_requests")),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_table("requests")

"""Tasks of registered systems: access that ends and comes back there, and data that is erased."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    duties: sa.Column[list[str]] = sa.Column("duties", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    op.add_column("webhook_endpoints", duties)
    op.create_check_constraint(
        op.f("ck_webhook_endpoints_duties_known"), "webhook_endpoints", sa.text("duties <@ '{access,erasure}'")
    )
    op.create_table(
        "system_tasks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("cancellation", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "task IN ('end_access', 'restore_access', 'erase')", name=op.f("ck_system_tasks_task_known")
        ),
        sa.CheckConstraint(
            "(confirmed_at IS NULL) = (confirmed_by IS NULL)", name=op.f("ck_system_tasks_confirmed_by_somebody")
        ),
        sa.CheckConstraint(
            "num_nonnulls(confirmed_at, superseded_at) <= 1 OR task = 'end_access'",
            name=op.f("ck_system_tasks_confirmed_or_superseded"),
        ),
        sa.ForeignKeyConstraint(["cancellation"], ["cancellations.id"], name=op.f("fk_system_tasks_cancellation")),
        sa.ForeignKeyConstraint(["system"], ["webhook_endpoints.name"], name=op.f("fk_system_tasks_system")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_system_tasks")),
        sa.UniqueConstraint("cancellation", "system", "task", name=op.f("uq_system_tasks_cancellation_system_task")),
    )
    op.create_index(
        "ix_system_tasks_open",
        "system_tasks",
        ["cancellation"],
        postgresql_where=sa.text("confirmed_at IS NULL AND superseded_at IS NULL"),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_table("system_tasks")
    op.drop_constraint(op.f("ck_webhook_endpoints_duties_known"), "webhook_endpoints", type_="check")
    op.drop_column("webhook_endpoints", "duties")

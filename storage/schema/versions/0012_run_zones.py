"""The nightly update by each organization's own day, and the restoration of a run (rules, section 5).

The indexes on `subscription_lines` and on the audit trail block writers while they are built: a second or two for each
million rows. Workers of the version before open runs without an instant, which then have one day for every organization.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index(
        "ix_subscription_lines_never_billed",
        "subscription_lines",
        ["end_date", "id"],
        postgresql_where=sa.text("NOT closed AND next_billing_date IS NULL AND end_date IS NOT NULL"),
    )
    op.create_index("ix_organizations_time_zone", "organizations", ["time_zone"])
    op.create_index(
        "ix_audit_trail_run",
        "audit_trail",
        ["run", "subscription_line"],
        postgresql_where=sa.text("run IS NOT NULL"),
    )
    op.add_column("line_dates_runs", sa.Column("instant", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "line_dates_runs", sa.Column("never_billed", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "line_dates_runs",
        sa.Column(
            "never_billed_lines",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
    )


def downgrade() -> None:
    """Revert."""
    for column in ("never_billed_lines", "never_billed", "instant"):
        op.drop_column("line_dates_runs", column)
    op.drop_index("ix_audit_trail_run", table_name="audit_trail")
    op.drop_index("ix_organizations_time_zone", table_name="organizations")
    op.drop_index("ix_subscription_lines_never_billed", table_name="subscription_lines")

"""The nightly update: its due lines, its runs, and the constraints on dates and terms.

Adding ``due_after`` rewrites `subscription_lines`, under a lock that blocks readers: a second or two for each million
lines. Lines that break the new constraints stop the migration by the constraint's name.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DUE_AFTER = """
    CASE WHEN closed THEN NULL::date ELSE LEAST(
        CASE WHEN end_date = (next_billing_date - 1) AND NOT open_billing_line THEN end_date ELSE NULL::date END,
        CASE WHEN frozen_by IS NULL AND subsequent_term IS NOT NULL AND notice_period IS NOT NULL
        THEN COALESCE(cancellation_possible_until, term_until, start_date) ELSE NULL::date END
    ) END
"""
TERM = r"'^(0|[1-9][0-9]{0,6}|C)[DWMQY](\+(0|[1-9][0-9]{0,6}|C)[DWMQY])*$'"
TERMS = ("initial_term", "subsequent_term", "notice_period", "billing_rhythm")
CALENDAR = {
    "subscription_lines": "start_date, next_billing_date, term_until, cancellation_possible_until, end_date",
    "billing_documents": "period_start, period_end",
}


def upgrade() -> None:
    """Apply."""
    for column in TERMS:
        rule = f"{column} ~ {TERM} AND length({column}) <= 64"
        if column == "subsequent_term":
            rule = f"{rule} AND {column} ~ '[1-9]'"  # moves every date forward
        op.create_check_constraint(
            op.f(f"ck_subscription_lines_{column}_is_a_term"), "subscription_lines", sa.text(rule)
        )
    for table, columns in CALENDAR.items():
        op.create_check_constraint(
            op.f(f"ck_{table}_dates_in_calendar"),
            table,
            sa.text(f"LEAST({columns}) >= DATE '0001-01-01' AND GREATEST({columns}) <= DATE '9999-12-31'"),
        )
    op.add_column("subscription_lines", sa.Column("due_after", sa.Date(), sa.Computed(DUE_AFTER, persisted=True)))
    op.create_index(
        "ix_subscription_lines_due",
        "subscription_lines",
        ["due_after", "id"],
        postgresql_where=sa.text("due_after IS NOT NULL"),
    )
    op.create_table(
        "line_dates_runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("scope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("unchanged", sa.BigInteger(), nullable=False),
        sa.Column("closed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rolled", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("busy", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("passes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cursor_due_after", sa.Date(), nullable=True),
        sa.Column("cursor_line", sa.Text(), nullable=True),
        sa.Column("messages", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_dates_runs")),
    )
    op.create_index("ix_line_dates_runs_started_at", "line_dates_runs", ["started_at"])
    op.add_column("audit_trail", sa.Column("run", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("run", sa.Text(), nullable=True))
    op.create_foreign_key(op.f("fk_messages_run"), "messages", "line_dates_runs", ["run"], ["id"])
    op.create_index(
        "ix_messages_pending_of_runs",
        "messages",
        ["sequence"],
        postgresql_where=sa.text("run IS NOT NULL AND delivered_at IS NULL AND failed_at IS NULL"),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_index("ix_messages_pending_of_runs", table_name="messages")
    op.drop_column("messages", "run")
    op.drop_column("audit_trail", "run")
    op.drop_table("line_dates_runs")
    op.drop_index("ix_subscription_lines_due", table_name="subscription_lines")
    op.drop_column("subscription_lines", "due_after")
    for table in CALENDAR:
        op.drop_constraint(op.f(f"ck_{table}_dates_in_calendar"), table)
    for column in TERMS:
        op.drop_constraint(op.f(f"ck_subscription_lines_{column}_is_a_term"), "subscription_lines")

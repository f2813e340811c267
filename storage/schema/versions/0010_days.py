"""Lines that never start, lines without a notice period, and the end of access at once or with the term (rules, 4 to 8).

The new ``due_after`` rewrites `subscription_lines`, as `0003_nightly` did. Workers of the version before, whose rule does not
extend a line without a notice period, count such lines as failed and leave them alone.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

PERSON = "lower(regexp_replace(btrim({}), '\\s+', ' ', 'g'))"
CLOSES_AFTER = """
        CASE WHEN end_date = (next_billing_date - 1) AND NOT open_billing_line THEN end_date ELSE NULL::date END
"""
DUE_AFTER = f"""
    CASE WHEN closed THEN NULL::date ELSE LEAST({CLOSES_AFTER},
        CASE WHEN frozen_by IS NULL AND subsequent_term IS NOT NULL THEN
            CASE WHEN notice_period IS NULL THEN COALESCE(term_until, start_date)
            ELSE COALESCE(cancellation_possible_until, term_until, start_date) END
        ELSE NULL::date END
    ) END
"""
DUE_AFTER_BEFORE = f"""
    CASE WHEN closed THEN NULL::date ELSE LEAST({CLOSES_AFTER},
        CASE WHEN frozen_by IS NULL AND subsequent_term IS NOT NULL AND notice_period IS NOT NULL
        THEN COALESCE(cancellation_possible_until, term_until, start_date) ELSE NULL::date END
    ) END
"""


def upgrade() -> None:
    """Apply."""
    _end_not_before("start_date - 1")
    _due_after(DUE_AFTER)
    op.add_column("cancellations", sa.Column("termination", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_cancellations_termination_known"),
        "cancellations",
        sa.text("termination IN ('on_date', 'now', 'end_of_term')"),
    )
    op.add_column("cancellations", sa.Column("goodwill_quote", postgresql.JSONB(), nullable=True))
    for counter in ("corrections", "restarts"):
        op.add_column("cancellations", sa.Column(counter, sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.drop_constraint(op.f("ck_cancellations_goodwill_by_a_second_person"), "cancellations")
    op.create_check_constraint(
        op.f("ck_cancellations_goodwill_by_a_second_person"),
        "cancellations",
        sa.text(f"{PERSON.format('goodwill_approved_by')} <> {PERSON.format('opened_by')}"),
    )
    op.create_check_constraint(
        op.f("ck_cancellations_termination_has_a_date"),
        "cancellations",
        sa.text("termination IS NULL OR termination_date IS NOT NULL"),
    )


def downgrade() -> None:
    """Revert. A line that never starts stops it by the constraint's name."""
    for constraint in ("termination_has_a_date", "termination_known"):
        op.drop_constraint(op.f(f"ck_cancellations_{constraint}"), "cancellations")
    op.drop_constraint(op.f("ck_cancellations_goodwill_by_a_second_person"), "cancellations")
    op.create_check_constraint(
        op.f("ck_cancellations_goodwill_by_a_second_person"),
        "cancellations",
        sa.text("goodwill_approved_by <> opened_by"),
    )
    for column in ("restarts", "corrections", "goodwill_quote", "termination"):
        op.drop_column("cancellations", column)
    _due_after(DUE_AFTER_BEFORE)
    _end_not_before("start_date")


def _end_not_before(day: str) -> None:
    op.drop_constraint(op.f("ck_subscription_lines_end_not_before_start"), "subscription_lines")
    op.create_check_constraint(
        op.f("ck_subscription_lines_end_not_before_start"), "subscription_lines", sa.text(f"end_date >= {day}")
    )


def _due_after(expression: str) -> None:
    op.drop_column("subscription_lines", "due_after")  # and its index
    op.add_column("subscription_lines", sa.Column("due_after", sa.Date(), sa.Computed(expression, persisted=True)))
    op.create_index(
        "ix_subscription_lines_due",
        "subscription_lines",
        ["due_after", "id"],
        postgresql_where=sa.text("due_after IS NOT NULL"),
    )

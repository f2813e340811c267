"""Lines that wait for credit memos beside the wait for the termination day (rules, section 8).

The line of a case that waits keeps its end date until that becomes the decided one, whatever else writes it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WAITING = "waits_since IS NOT NULL AND announced_at IS NULL"

ENDS_AS_DECIDED = """
        BEGIN
            IF NEW.end_date IS DISTINCT FROM OLD.end_date AND NEW.frozen_by IS NOT DISTINCT FROM OLD.frozen_by AND EXISTS (
                SELECT 1 FROM cancellation_lines decided
                WHERE decided.cancellation = OLD.frozen_by AND decided.subscription_line = OLD.id
                AND decided.waits_since IS NOT NULL AND decided.billing_ends_on IS DISTINCT FROM NEW.end_date
            ) THEN
                RAISE EXCEPTION 'line % ends as cancellation % has decided', OLD.id, OLD.frozen_by
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'line_ends_as_decided';
            END IF;
            RETURN NEW;
        END
"""


def upgrade() -> None:
    """Apply."""
    op.add_column("cancellation_lines", sa.Column("waits_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cancellation_lines", sa.Column("announced_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_cancellation_lines_announced_after_a_wait"),
        "cancellation_lines",
        "announced_at IS NULL OR waits_since IS NOT NULL",
    )
    op.create_index(
        "ix_cancellation_lines_waiting", "cancellation_lines", ["cancellation"], postgresql_where=sa.text(WAITING)
    )
    op.execute(
        f"CREATE FUNCTION line_ends_as_decided() RETURNS trigger LANGUAGE plpgsql AS $rule${ENDS_AS_DECIDED}$rule$"
    )
    op.execute(
        "CREATE TRIGGER line_ends_as_decided BEFORE UPDATE OF end_date ON subscription_lines "
        "FOR EACH ROW WHEN (OLD.frozen_by IS NOT NULL) EXECUTE FUNCTION line_ends_as_decided()"
    )


def downgrade() -> None:
    """Revert."""
    op.execute("DROP FUNCTION line_ends_as_decided() CASCADE")
    op.drop_index("ix_cancellation_lines_waiting", table_name="cancellation_lines")
    op.drop_constraint(op.f("ck_cancellation_lines_announced_after_a_wait"), "cancellation_lines")
    op.drop_column("cancellation_lines", "announced_at")
    op.drop_column("cancellation_lines", "waits_since")

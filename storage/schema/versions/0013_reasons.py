"""Reasons for leaving by code, and the indexes of lists and reports (rules, section 8)."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

CODE = "[a-z][a-z0-9_]{0,62}"


def upgrade() -> None:
    """Apply."""
    op.add_column("policies", sa.Column("reason_codes", sa.ARRAY(sa.Text()), nullable=True))
    op.create_check_constraint(
        op.f("ck_policies_reason_codes_have_their_form"),
        "policies",
        sa.text(
            f"cardinality(reason_codes) BETWEEN 1 AND 100 AND array_to_string(reason_codes, ',') ~ '^{CODE}(,{CODE})*$'"
        ),
    )
    op.add_column("cancellations", sa.Column("reason_code", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_cancellations_reason_code_has_its_form"), "cancellations", sa.text(f"reason_code ~ '^{CODE}$'")
    )
    op.create_index("ix_cancellations_received_at", "cancellations", ["received_at", "id"])
    op.create_index("ix_cancellations_received_on", "cancellations", ["received_on"])


def downgrade() -> None:
    """Revert."""
    op.drop_index("ix_cancellations_received_on", table_name="cancellations")
    op.drop_index("ix_cancellations_received_at", table_name="cancellations")
    op.drop_column("cancellations", "reason_code")
    op.drop_column("policies", "reason_codes")

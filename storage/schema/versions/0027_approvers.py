"""A goodwill is approved by somebody who has signed in, and by nobody whom Temporal alone has seen."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

NAME = "ck_cancellations_goodwill_by_somebody_known"


def upgrade() -> None:
    """Apply."""
    op.create_check_constraint(
        op.f(NAME), "cancellations", sa.text("lower(ltrim(goodwill_approved_by)) NOT LIKE 'temporal:%'")
    )


def downgrade() -> None:
    """Revert."""
    op.drop_constraint(op.f(NAME), "cancellations", type_="check")

"""A webhook endpoint is followed by one signal for each look of its workflow, however many messages it does not take."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    followed: sa.Column[bool] = sa.Column("is_followed", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    op.add_column("webhook_endpoints", followed)


def downgrade() -> None:
    """Revert."""
    op.drop_column("webhook_endpoints", "is_followed")

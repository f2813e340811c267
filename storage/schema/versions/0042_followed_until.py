"""A webhook endpoint whose workflow was asked to look, and is gone, has another one asked after a while."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.drop_column("webhook_endpoints", "is_followed")
    until: sa.Column[object] = sa.Column("followed_until", sa.DateTime(timezone=True))
    op.add_column("webhook_endpoints", until)


def downgrade() -> None:
    """Revert."""
    op.drop_column("webhook_endpoints", "followed_until")
    followed: sa.Column[bool] = sa.Column("is_followed", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    op.add_column("webhook_endpoints", followed)

"""A mail says who it is for, so that one that waits goes to an address that is corrected meanwhile."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("messages", sa.Column("addressee", sa.Text()))


def downgrade() -> None:
    """Revert."""
    op.drop_column("messages", "addressee")

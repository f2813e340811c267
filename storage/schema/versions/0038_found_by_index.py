"""The messages of a case, the cases of a workflow and the running exports are found by indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_INDEXES = (
    ("ix_messages_cancellation", "messages", ["cancellation", "channel", "sequence"]),
    ("ix_messages_marketing_cancellation", "messages", ["marketing_cancellation", "channel", "sequence"]),
    ("ix_cancellations_workflow_id", "cancellations", ["workflow_id", "ordinal"]),
    ("ix_marketing_cancellations_workflow_id", "marketing_cancellations", ["workflow_id", "ordinal"]),
)


def upgrade() -> None:
    """Apply."""
    for name, table, columns in _INDEXES:
        op.create_index(name, table, columns)
    running = "finished_at IS NULL AND erased_at IS NULL"
    op.create_index("ix_exports_running", "exports", ["cancellation"], postgresql_where=sa.text(running))


def downgrade() -> None:
    """Revert."""
    op.drop_index("ix_exports_running", "exports")
    for name, table, _ in _INDEXES:
        op.drop_index(name, table)

"""The ids of the keys of payloads are recorded, so that one which this installation never had is known for what it is."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "payload_key_ids",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("known_since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("id ~ '^[A-Za-z0-9._:-]{1,64}$'", name=op.f("ck_payload_key_ids_id_is_of_a_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payload_key_ids")),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_table("payload_key_ids")

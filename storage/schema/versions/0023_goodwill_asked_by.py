"""Whoever asks for a goodwill after the start, or changes what it covers, does not approve it either."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

PERSON = "lower(regexp_replace(btrim({}), '\\s+', ' ', 'g'))"


def upgrade() -> None:
    """Apply."""
    op.add_column("cancellations", sa.Column("goodwill_asked_by", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_cancellations_goodwill_by_another_than_asked"),
        "cancellations",
        sa.text(f"{PERSON.format('goodwill_approved_by')} <> {PERSON.format('goodwill_asked_by')}"),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_constraint(op.f("ck_cancellations_goodwill_by_another_than_asked"), "cancellations", type_="check")
    op.drop_column("cancellations", "goodwill_asked_by")

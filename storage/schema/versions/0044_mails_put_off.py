"""A mail that is put off keeps since when: it is given up by that. Its delivery is tried again, and not the mail by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

_NAME = "ck_messages_put_off_until"


def upgrade() -> None:
    """Apply."""
    op.drop_constraint(op.f(_NAME), "messages")
    shown = "(put_off = 0) = (put_off_since IS NULL) AND (next_attempt_at IS NULL) = (put_off = 0 OR channel = 'mail')"
    op.create_check_constraint(op.f(_NAME), "messages", sa.text(shown))


def downgrade() -> None:
    """Revert."""
    op.execute("UPDATE messages SET put_off = 0, put_off_since = NULL WHERE channel = 'mail'")
    op.drop_constraint(op.f(_NAME), "messages")
    shown = "num_nonnulls(put_off_since, next_attempt_at) = CASE put_off WHEN 0 THEN 0 ELSE 2 END"
    op.create_check_constraint(op.f(_NAME), "messages", sa.text(shown))

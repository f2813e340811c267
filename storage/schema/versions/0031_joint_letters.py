"""Letters about several subscriptions of an organization that is cancelled as a whole."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_CHECKS = {
    "gathered_in_a_bulk": "(bulk IS NULL) = (gathered_at IS NULL)",
    "letter_of_gathered_mail": "letter IS NULL OR bulk IS NOT NULL",
    "mail_is_gathered": "bulk IS NULL OR channel = 'mail'",
}


def upgrade() -> None:
    """Apply."""
    op.add_column("messages", sa.Column("bulk", sa.Text()))
    op.add_column("messages", sa.Column("gathered_at", sa.DateTime(timezone=True)))
    op.add_column("messages", sa.Column("letter", sa.Text()))
    op.create_foreign_key(op.f("fk_messages_bulk"), "messages", "bulks", ["bulk"], ["id"])
    for name, rule in _CHECKS.items():
        op.create_check_constraint(op.f(f"ck_messages_{name}"), "messages", rule)
    _index("ix_messages_gathered", ["bulk", "event"], "bulk IS NOT NULL AND delivered_at IS NULL AND failed_at IS NULL")
    _index("ix_messages_letter", ["letter"], "letter IS NOT NULL")


def _index(name: str, columns: list[str], condition: str) -> None:
    op.create_index(name, "messages", columns, postgresql_where=sa.text(condition))


def downgrade() -> None:
    """Revert."""
    op.drop_index("ix_messages_letter", "messages")
    op.drop_index("ix_messages_gathered", "messages")
    for name in _CHECKS:
        op.drop_constraint(op.f(f"ck_messages_{name}"), "messages", type_="check")
    op.drop_constraint(op.f("fk_messages_bulk"), "messages", type_="foreignkey")
    for column in ("letter", "gathered_at", "bulk"):
        op.drop_column("messages", column)

"""Limits across cases on fresh links and on mails about corrections, as on starts, codes and tries."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLES = ("limits", "limited_uses")
NEW = ("links", "corrections")
STANDARD = {"address": 20, "organization": 20, "caller": 500}


def _known(names: str) -> None:
    for table in TABLES:
        op.drop_constraint(op.f(f"ck_{table}_limited_known"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_limited_known"), table, sa.text(f"limited IN ({names})"))


def upgrade() -> None:
    """Apply."""
    _known("'starts', 'codes', 'tries', 'links', 'corrections'")
    limits = sa.table("limits", sa.column("limited"), sa.column("scope"), sa.column("number"))
    op.bulk_insert(
        limits,
        [{"limited": name, "scope": scope, "number": number} for name in NEW for scope, number in STANDARD.items()],
    )


def downgrade() -> None:
    """Revert."""
    for table in TABLES:
        op.execute(f"DELETE FROM {table} WHERE limited IN ('links', 'corrections')")  # noqa: S608 - a constant
    _known("'starts', 'codes', 'tries'")

"""A limit across cases on fresh links that are mailed, as on starts, codes and tries."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLES = ("limits", "limited_uses")
STANDARD = {"address": 20, "organization": 20, "caller": 500}


def _known(names: str) -> None:
    for table in TABLES:
        op.drop_constraint(op.f(f"ck_{table}_limited_known"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_limited_known"), table, sa.text(f"limited IN ({names})"))


def upgrade() -> None:
    """Apply."""
    _known("'starts', 'codes', 'tries', 'links'")
    limits = sa.table("limits", sa.column("limited"), sa.column("scope"), sa.column("number"))
    op.bulk_insert(
        limits, [{"limited": "links", "scope": scope, "number": number} for scope, number in STANDARD.items()]
    )


def downgrade() -> None:
    """Revert."""
    for table in TABLES:
        op.execute(f"DELETE FROM {table} WHERE limited = 'links'")  # noqa: S608 - a constant
    _known("'starts', 'codes', 'tries'")

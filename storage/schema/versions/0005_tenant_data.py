"""The schema that holds an organization's data: unique to each."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# The schema is erased in the end: never PostgreSQL's own, the public one, or the service's.
POSSIBLE = r"""
    octet_length(data_schema) BETWEEN 1 AND 63 AND data_schema NOT LIKE 'pg\_%'
    AND data_schema NOT IN ('information_schema', 'offramp', 'public')
"""


def upgrade() -> None:
    """Apply."""
    op.add_column("organizations", sa.Column("data_schema", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("ck_organizations_data_schema_is_possible"), "organizations", sa.text(POSSIBLE))
    op.create_unique_constraint(op.f("uq_organizations_data_schema"), "organizations", ["data_schema"])


def downgrade() -> None:
    """Revert."""
    op.drop_column("organizations", "data_schema")

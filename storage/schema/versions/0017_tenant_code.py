"""The reviews of code that organizations have defined in their schemas: added, and never changed."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "tenant_code_reviews",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("reviewed_by", sa.Text(), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name=op.f("ck_tenant_code_reviews_digest_is_sha256")),
        sa.ForeignKeyConstraint(
            ["organization"], ["organizations.id"], name=op.f("fk_tenant_code_reviews_organization")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_tenant_code_reviews")),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_table("tenant_code_reviews")

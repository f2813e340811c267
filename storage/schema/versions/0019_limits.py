"""Limits across cases: starts, one-time codes and tries for one address, organization and caller."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

STANDARD = {
    ("starts", "address"): 50,
    ("starts", "organization"): 50,
    ("starts", "caller"): 2000,
    ("codes", "address"): 10,
    ("codes", "organization"): 10,
    ("codes", "caller"): 500,
    ("tries", "address"): 20,
    ("tries", "organization"): 20,
    ("tries", "caller"): 1000,
}


def upgrade() -> None:
    """Apply."""
    limits = op.create_table(
        "limits",
        sa.Column("limited", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("limited IN ('starts', 'codes', 'tries')", name=op.f("ck_limits_limited_known")),
        sa.CheckConstraint("scope IN ('address', 'organization', 'caller')", name=op.f("ck_limits_scope_known")),
        sa.CheckConstraint("number > 0", name=op.f("ck_limits_positive")),
        sa.PrimaryKeyConstraint("limited", "scope", name=op.f("pk_limits")),
    )
    op.bulk_insert(
        limits,
        [{"limited": limited, "scope": scope, "number": number} for (limited, scope), number in STANDARD.items()],
    )
    op.create_table(
        "limited_uses",
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("limited", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("organization", sa.Text(), nullable=True),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("cancellation", sa.Text(), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address_released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organization_released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("caller_released_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("limited IN ('starts', 'codes', 'tries')", name=op.f("ck_limited_uses_limited_known")),
        sa.CheckConstraint("address ~ '^[0-9a-f]{64}$'", name=op.f("ck_limited_uses_address_is_sha256")),
        sa.PrimaryKeyConstraint("step", name=op.f("pk_limited_uses")),
    )
    op.create_index("ix_limited_uses_address", "limited_uses", ["address", "limited", "used_at"])
    op.create_index("ix_limited_uses_organization", "limited_uses", ["organization", "limited", "used_at"])
    op.create_index("ix_limited_uses_caller", "limited_uses", ["caller", "limited", "used_at"])
    op.create_index("ix_limited_uses_cancellation", "limited_uses", ["cancellation"])
    op.create_index("ix_limited_uses_used_at", "limited_uses", ["used_at"])


def downgrade() -> None:
    """Revert."""
    op.drop_table("limited_uses")
    op.drop_table("limits")

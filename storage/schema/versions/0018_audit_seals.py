"""Seals on the audit trail: a chain of digests, in which a change and a gap show. Nothing in it is changed or removed.

What was recorded before is sealed by the first reconciliations.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = ("audit_sealed", "audit_seals")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "audit_seals",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("newest_entry", sa.BigInteger(), nullable=False),
        sa.Column("running", sa.BigInteger(), nullable=False),
        sa.Column("settled_until", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("number > 0 AND entries > 0", name=op.f("ck_audit_seals_counted")),
        sa.CheckConstraint(
            "digest ~ '^[0-9a-f]{64}$' AND head ~ '^[0-9a-f]{64}$'", name=op.f("ck_audit_seals_are_sha256")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_seals")),
    )
    op.create_table(
        "audit_sealed",
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("seal", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["entry"], ["audit_trail.id"], name=op.f("fk_audit_sealed_entry")),
        sa.ForeignKeyConstraint(
            ["seal"], ["audit_seals.number"], name=op.f("fk_audit_sealed_seal"), deferrable=True, initially="DEFERRED"
        ),
        sa.PrimaryKeyConstraint("entry", name=op.f("pk_audit_sealed")),
    )
    op.create_index(op.f("ix_audit_sealed_seal"), "audit_sealed", ["seal"])
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION audit_trail_append_only()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_trail_append_only()"
        )


def downgrade() -> None:
    """Revert."""
    for table in TABLES:
        op.drop_table(table)

"""On-premises migrations and the support queues that carry them out (rules, section 10)."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STAGES = "'requested', 'scheduled', 'transferring', 'available', 'downloaded', 'completed', 'withdrawn', 'abandoned'"
FINAL = "'abandoned', 'completed', 'withdrawn'"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "support_queues",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_support_queues")),
    )
    op.create_table(
        "on_premises_migrations",
        sa.Column("cancellation", sa.Text(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("stage_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("accepted_by", sa.Text(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("transfer_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("transfers", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("transferred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("prefix", sa.Text(), nullable=True),
        sa.Column("tables", sa.BigInteger(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("links", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("link_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("downloaded_by", sa.Text(), nullable=True),
        sa.Column("downloaded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"stage IN ({STAGES})", name=op.f("ck_on_premises_migrations_stage_known")),
        sa.CheckConstraint(
            "stage IN ('requested', 'withdrawn', 'abandoned') OR "
            "num_nonnulls(contact, accepted_by, accepted_at, transfer_at) = 4",
            name=op.f("ck_on_premises_migrations_accepted_before_transfer"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(transferred_at, prefix, tables, rows, bytes, sha256, link_expires_at) IN (0, 7)",
            name=op.f("ck_on_premises_migrations_transferred_as_a_whole"),
        ),
        sa.CheckConstraint(
            "stage NOT IN ('available', 'downloaded', 'completed') OR transferred_at IS NOT NULL",
            name=op.f("ck_on_premises_migrations_transferred_before_download"),
        ),
        sa.CheckConstraint(
            "stage NOT IN ('downloaded', 'completed') OR num_nonnulls(downloaded_by, downloaded_at) = 2",
            name=op.f("ck_on_premises_migrations_downloaded_before_completion"),
        ),
        sa.CheckConstraint(
            f"(stage IN ({FINAL})) = (ended_at IS NOT NULL)",
            name=op.f("ck_on_premises_migrations_end_has_an_instant"),
        ),
        sa.ForeignKeyConstraint(
            ["cancellation"], ["cancellations.id"], name=op.f("fk_on_premises_migrations_cancellation")
        ),
        sa.ForeignKeyConstraint(
            ["organization"], ["organizations.id"], name=op.f("fk_on_premises_migrations_organization")
        ),
        sa.PrimaryKeyConstraint("cancellation", name=op.f("pk_on_premises_migrations")),
    )
    op.create_index(
        "uq_on_premises_migrations_running",
        "on_premises_migrations",
        ["organization"],
        unique=True,
        postgresql_where=sa.text(f"stage NOT IN ({FINAL})"),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_table("on_premises_migrations")
    op.drop_table("support_queues")

"""Exports, legal holds and erasures.

The database, too, refuses an erasure that is not allowed, and certificates stay: nothing changes or removes them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

FUNCTIONS = {
    # Rules, section 8: after the window, never under a legal hold, nor before an outstanding acknowledgement.
    "erasure_rules": """
        BEGIN
            IF NOT EXISTS (SELECT 1 FROM cancellations WHERE id = NEW.cancellation AND stage = 'closed') THEN
                RAISE EXCEPTION 'cancellation % is not closed', NEW.cancellation
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'erasure_after_the_window';
            END IF;
            IF EXISTS (
                SELECT 1 FROM holds WHERE organization = NEW.organization AND released_at IS NULL
            ) THEN
                RAISE EXCEPTION 'the data of % is under a hold', NEW.organization
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'erasure_under_a_hold';
            END IF;
            IF EXISTS (
                SELECT 1 FROM exports WHERE cancellation = NEW.cancellation AND acknowledged_at IS NULL
            ) THEN
                RAISE EXCEPTION 'the export of % is not acknowledged', NEW.cancellation
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'erasure_before_acknowledgement';
            END IF;
            RETURN NEW;
        END
    """,
    "certificates_stay": """
        BEGIN
            RAISE EXCEPTION 'holds and certificates of erasure stay as they are'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'certificates_stay';
        END
    """,
}
TRIGGERS = (
    ("erasure_rules", "BEFORE INSERT ON erasures", "", "erasure_rules"),
    ("erasure_stays", "BEFORE UPDATE ON erasures", "WHEN (OLD.finished_at IS NOT NULL)", "certificates_stay"),
    ("erasure_not_removed", "BEFORE DELETE ON erasures", "", "certificates_stay"),
    ("erased_thing_stays", "BEFORE UPDATE ON erased_things", "WHEN (OLD.erased_at IS NOT NULL)",
     "certificates_stay"),
    ("erased_thing_not_removed", "BEFORE DELETE ON erased_things", "", "certificates_stay"),
    ("hold_stays", "BEFORE UPDATE ON holds", "WHEN (OLD.released_at IS NOT NULL)", "certificates_stay"),
    ("hold_not_removed", "BEFORE DELETE ON holds", "", "certificates_stay"),
)  # fmt: skip


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "exports",
        sa.Column("cancellation", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("prefix", sa.Text(), nullable=True),
        sa.Column("manifest_sha256", sa.Text(), nullable=True),
        sa.Column("tables", sa.BigInteger(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("warnings", sa.BigInteger(), nullable=True),
        sa.Column("links", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("link_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(finished_at, prefix, tables, rows, bytes, warnings, manifest_sha256, link_expires_at) "
            "IN (0, 8)",
            name=op.f("ck_exports_finished_as_a_whole"),
        ),
        sa.CheckConstraint(
            "acknowledged_at IS NULL OR finished_at IS NOT NULL", name=op.f("ck_exports_acknowledged_after_finished")
        ),
        sa.CheckConstraint(
            "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)", name=op.f("ck_exports_acknowledged_by_somebody")
        ),
        sa.ForeignKeyConstraint(["cancellation"], ["cancellations.id"], name=op.f("fk_exports_cancellation")),
        sa.PrimaryKeyConstraint("cancellation", name=op.f("pk_exports")),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_by", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("released_by", sa.Text(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("release_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(released_at, released_by, release_reason) IN (0, 3)",
            name=op.f("ck_holds_released_as_a_whole"),
        ),
        sa.ForeignKeyConstraint(["organization"], ["organizations.id"], name=op.f("fk_holds_organization")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
        sa.UniqueConstraint("request", name=op.f("uq_holds_request")),
    )
    op.create_index("ix_holds_in_force", "holds", ["organization"], postgresql_where=sa.text("released_at IS NULL"))
    op.create_table(
        "erasures",
        sa.Column("cancellation", sa.Text(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tables", sa.BigInteger(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("objects", sa.BigInteger(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("kept_because", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(finished_at, tables, rows, objects, bytes) IN (0, 5)",
            name=op.f("ck_erasures_finished_as_a_whole"),
        ),
        sa.ForeignKeyConstraint(["cancellation"], ["cancellations.id"], name=op.f("fk_erasures_cancellation")),
        sa.ForeignKeyConstraint(["organization"], ["organizations.id"], name=op.f("fk_erasures_organization")),
        sa.PrimaryKeyConstraint("cancellation", name=op.f("pk_erasures")),
    )
    op.create_index(op.f("ix_erasures_organization"), "erasures", ["organization"])
    op.create_table(
        "erased_things",
        sa.Column("cancellation", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["cancellation"], ["erasures.cancellation"], name=op.f("fk_erased_things_cancellation")
        ),
        sa.PrimaryKeyConstraint("cancellation", "kind", "name", name=op.f("pk_erased_things")),
    )
    for name, body in FUNCTIONS.items():
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
    for name, event, condition, function in TRIGGERS:
        op.execute(f"CREATE TRIGGER {name} {event} FOR EACH ROW {condition} EXECUTE FUNCTION {function}()")


def downgrade() -> None:
    """Revert."""
    for table in ("erased_things", "erasures", "holds", "exports"):
        op.drop_table(table)
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")

"""A confirmation stays as it was given: by systems, of bulks, by the ad centre, and of an export."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

STAYS = """
    CREATE FUNCTION confirmation_stays() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
        BEGIN
            RAISE EXCEPTION 'what somebody has confirmed stays as it was confirmed'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'confirmation_stays';
        END
    $$
"""
CONFIRMED = {
    "system_tasks": ("confirmed_at", "confirmed_by", "cancellation", "system", "task", "requested_at"),
    "bulks": ("confirmed_at", "confirmed_by", "planned_by", "digest", "ready"),
    "marketing_stops": ("acknowledged_at", "acknowledged_by", "campaign", "action"),
    "exports": ("acknowledged_at", "acknowledged_by"),
}
"""The columns that stay once the first of them is set."""


def upgrade() -> None:
    """Apply."""
    op.execute(STAYS)
    for table, columns in CONFIRMED.items():
        new, old = (", ".join(f"{row}.{column}" for column in columns) for row in ("NEW", "OLD"))
        op.execute(
            f"CREATE TRIGGER {table}_confirmation_stays BEFORE UPDATE ON {table} FOR EACH ROW "
            f"WHEN (OLD.{columns[0]} IS NOT NULL AND ({new}) IS DISTINCT FROM ({old})) "
            "EXECUTE FUNCTION confirmation_stays()"
        )


def downgrade() -> None:
    """Revert."""
    for table in CONFIRMED:
        op.execute(f"DROP TRIGGER {table}_confirmation_stays ON {table}")
    op.execute("DROP FUNCTION confirmation_stays()")

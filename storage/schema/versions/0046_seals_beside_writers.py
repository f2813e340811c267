"""A seal is made beside writers that go on, whatever their numbers are."""

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

# Without the bound on `running` that was there: a snapshot's `xmax` is the number after the newest transaction that has *ended*, and a
# writer that goes on may have a higher one or none yet. A number too high harms nothing: later seals only look further back.
FOLLOWS = """
    CREATE OR REPLACE FUNCTION audit_seal_follows() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
        DECLARE
            entry bigint := COALESCE((SELECT max(id) FROM public.audit_trail), 0);
        BEGIN
            IF NEW.number <> COALESCE((SELECT max(number) FROM public.audit_seals), 0) + 1
                OR NEW.newest_entry > entry OR NEW.settled_until > entry {bound}
            THEN
                RAISE EXCEPTION 'a seal that does not follow the one before it'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_seal_follows';
            END IF;
            RETURN NEW;
        END
    $$
"""
BOUND = "OR NEW.running > pg_snapshot_xmax(pg_current_snapshot())::text::bigint"


def upgrade() -> None:
    """Apply."""
    op.execute(FOLLOWS.format(bound=""))


def downgrade() -> None:
    """Revert."""
    op.execute(FOLLOWS.format(bound=BOUND))

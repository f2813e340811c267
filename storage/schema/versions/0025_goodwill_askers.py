"""Everybody who has asked for a goodwill, or changed what it covers, approves it no more; and seals follow one another."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

PERSON = "lower(regexp_replace(btrim({}), '\\s+', ' ', 'g'))"
# Whoever may add seals must not end the sealing with one of a number that is the last there is.
FOLLOWS = """
    CREATE FUNCTION audit_seal_follows() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
        DECLARE
            entry bigint := COALESCE((SELECT max(id) FROM public.audit_trail), 0);
        BEGIN
            IF NEW.number <> COALESCE((SELECT max(number) FROM public.audit_seals), 0) + 1
                OR NEW.newest_entry > entry OR NEW.settled_until > entry
                OR NEW.running > pg_snapshot_xmax(pg_current_snapshot())::text::bigint
            THEN
                RAISE EXCEPTION 'a seal that does not follow the one before it'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_seal_follows';
            END IF;
            RETURN NEW;
        END
    $$
"""


def upgrade() -> None:
    """Apply."""
    askers: sa.Column[list[str]] = sa.Column(
        "goodwill_askers", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False
    )
    op.add_column("cancellations", askers)
    op.execute(
        f"UPDATE cancellations SET goodwill_askers = ARRAY[{PERSON.format('goodwill_asked_by')}] "  # noqa: S608 - a constant
        "WHERE goodwill_asked_by IS NOT NULL"
    )
    op.create_check_constraint(
        op.f("ck_cancellations_goodwill_by_none_of_its_askers"),
        "cancellations",
        sa.text(f"{PERSON.format('goodwill_approved_by')} <> ALL (goodwill_askers)"),
    )
    op.execute(FOLLOWS)
    op.execute(
        "CREATE TRIGGER audit_seal_follows BEFORE INSERT ON audit_seals FOR EACH ROW EXECUTE FUNCTION audit_seal_follows()"
    )


def downgrade() -> None:
    """Revert."""
    op.execute("DROP TRIGGER audit_seal_follows ON audit_seals")
    op.execute("DROP FUNCTION audit_seal_follows()")
    op.drop_constraint(op.f("ck_cancellations_goodwill_by_none_of_its_askers"), "cancellations", type_="check")
    op.drop_column("cancellations", "goodwill_askers")

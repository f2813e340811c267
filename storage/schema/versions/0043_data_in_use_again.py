"""An organization whose data is being erased gets no new subscription, and the reason why data stays is given once."""

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

# Its foreign key has locked the organization by now: an erasing step, which locks it too, has ended or comes after.
REFUSED = """
    CREATE FUNCTION no_subscription_while_erasing() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
        DECLARE
            erased text;
        BEGIN
            SELECT e.organization INTO erased FROM erasures e
            WHERE e.organization IN (SELECT organization FROM added) AND e.finished_at IS NULL AND e.kept_because IS NULL
            AND EXISTS (
                SELECT 1 FROM erased_things t
                WHERE t.cancellation = e.cancellation AND t.kind NOT IN ('object', 'upload', 'compaction')
            ) LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'the data of % is being erased', erased
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'subscription_without_data';
            END IF;
            RETURN NULL;
        END
    $$
"""


def upgrade() -> None:
    """Apply."""
    op.execute(REFUSED)
    op.execute(
        "CREATE TRIGGER no_subscription_while_erasing AFTER INSERT ON subscriptions REFERENCING NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION no_subscription_while_erasing()"
    )
    op.execute(
        "CREATE TRIGGER erasure_reason_stays BEFORE UPDATE ON erasures FOR EACH ROW "
        "WHEN (OLD.kept_because IS NOT NULL AND NEW.kept_because IS DISTINCT FROM OLD.kept_because) "
        "EXECUTE FUNCTION certificates_stay()"
    )


def downgrade() -> None:
    """Revert."""
    op.execute("DROP TRIGGER erasure_reason_stays ON erasures")
    op.execute("DROP TRIGGER no_subscription_while_erasing ON subscriptions")
    op.execute("DROP FUNCTION no_subscription_while_erasing()")

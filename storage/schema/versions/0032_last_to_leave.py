"""The data of an organization is erased when all of its subscriptions have left, and every export of it is acknowledged."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

OTHERS = """
            IF NEW.kept_because IS NULL AND EXISTS (
                SELECT 1 FROM subscriptions s
                WHERE s.organization = NEW.organization AND NOT EXISTS (
                    SELECT 1 FROM cancellations c
                    WHERE c.subscription = s.id AND c.subscription_line IS NULL AND c.stage = 'closed'
                )
            ) THEN
                RAISE EXCEPTION 'another subscription of % uses its data', NEW.organization
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'erasure_of_data_in_use';
            END IF;
            IF NEW.kept_because IS NULL AND EXISTS (
                SELECT 1 FROM exports e
                JOIN cancellations c ON c.id = e.cancellation JOIN subscriptions s ON s.id = c.subscription
                WHERE s.organization = NEW.organization AND c.stage = 'closed' AND e.acknowledged_at IS NULL
            ) THEN
                RAISE EXCEPTION 'an export of the data of % is not acknowledged', NEW.organization
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'erasure_before_acknowledgement';
            END IF;
"""
FUNCTION = """
    CREATE OR REPLACE FUNCTION erasure_rules() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
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
            {others}
            RETURN NEW;
        END
    $$
"""


def upgrade() -> None:
    """Apply."""
    _replace(OTHERS)


def downgrade() -> None:
    """Revert."""
    _replace("")


def _replace(others: str) -> None:
    # A rule that is replaced loses the path that 0020 has set for each of them: it is said again.
    op.execute(FUNCTION.replace("{others}", others))

"""What doors need: the deadline of a case's stage in lists, and requests that go to the records directly, each done once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# The same instants as the workflow's timers have (rules, section 8). Of the intake it is the deadline of its policy as it is now.
DEADLINE = """
    CREATE FUNCTION case_stage_deadline() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
        BEGIN
            NEW.stage_deadline := CASE NEW.stage
                WHEN 'intake' THEN (
                    SELECT COALESCE(NEW.entered_at, NEW.received_at)
                        + COALESCE(p.durations ->> 'intake_timeout', 'P14D')::interval
                    FROM public.subscriptions s
                    JOIN public.organizations o ON o.id = s.organization
                    JOIN public.policies p ON p.name = o.policy
                    WHERE s.id = NEW.subscription)
                WHEN 'scheduled' THEN (
                    SELECT (COALESCE(NEW.line_ends_on, NEW.termination_date) + 1)::timestamp
                        AT TIME ZONE COALESCE(NEW.time_zone, o.time_zone)
                    FROM public.subscriptions s JOIN public.organizations o ON o.id = s.organization
                    WHERE s.id = NEW.subscription)
                WHEN 'canceled' THEN NEW.reversal_deadline
            END;
            RETURN NEW;
        END
    $$
"""
TRIGGER = """
    CREATE TRIGGER case_stage_deadline BEFORE INSERT OR UPDATE
    OF stage, termination_date, line_ends_on, reversal_deadline, time_zone ON cancellations
    FOR EACH ROW EXECUTE FUNCTION case_stage_deadline()
"""


def upgrade() -> None:
    """Apply."""
    op.add_column("cancellations", sa.Column("stage_deadline", sa.DateTime(timezone=True), nullable=True))
    op.execute(DEADLINE)
    op.execute(TRIGGER)
    op.execute("UPDATE cancellations SET stage = stage WHERE stage IN ('intake', 'scheduled', 'canceled')")
    op.create_index(
        "ix_cancellations_stage_deadline",
        "cancellations",
        ["stage_deadline", "id"],
        postgresql_where=sa.text("stage_deadline IS NOT NULL"),
    )
    op.create_index(
        "ix_audit_trail_subscription",
        "audit_trail",
        ["subscription", "id"],
        postgresql_where=sa.text("subscription_line IS NULL"),
    )
    op.create_table(
        "direct_requests",
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name=op.f("ck_direct_requests_digest_is_sha256")),
        sa.PrimaryKeyConstraint("operation", "id", name=op.f("pk_direct_requests")),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_table("direct_requests")
    op.drop_index("ix_audit_trail_subscription", "audit_trail")
    op.execute("DROP TRIGGER case_stage_deadline ON cancellations")
    op.execute("DROP FUNCTION case_stage_deadline()")
    op.drop_index("ix_cancellations_stage_deadline", "cancellations")
    op.drop_column("cancellations", "stage_deadline")

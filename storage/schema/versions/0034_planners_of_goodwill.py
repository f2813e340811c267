"""Whoever planned a bulk had a part in the goodwill of its cases, too: those that it has opened already know their planner."""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

PERSON = "lower(regexp_replace(btrim({}), '\\s+', ' ', 'g'))"
PLANNER = PERSON.format("b.planned_by")
ADD_PLANNERS = f"""
    UPDATE cancellations c SET goodwill_askers = c.goodwill_askers || {PLANNER}
    FROM bulk_rows r JOIN bulks b ON b.id = r.bulk
    WHERE c.ended_at IS NULL AND c.subscription_line IS NULL AND c.subscription = r.subscription
    AND c.request_id = 'cancellation:' || r.subscription || ':' || r.bulk || '-' || r.number
    AND c.opened_by = b.confirmed_by AND r.state IN ('under_way', 'started')
    AND {PLANNER} <> ALL (c.goodwill_askers)
    AND {PERSON.format("c.goodwill_approved_by")} IS DISTINCT FROM {PLANNER}
"""  # noqa: S608 - constants


def upgrade() -> None:
    """Apply. A goodwill that its planner has approved stands as it is."""
    op.execute(ADD_PLANNERS)


def downgrade() -> None:
    """Revert nothing: a planner who stays among those who had a part approves one goodwill less."""

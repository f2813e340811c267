"""The true receipt and the zone of a case, and the instant since which a line is known (rules, sections 1, 7 and 8).

Cases that are there keep the zone that their organization has now. Lines that are there count as known since now: of the
time before, the audit trail may lack what an import created. The default is a constant, so that no table is rewritten.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

CHANNELS = "channel IN ('letter', 'phone', 'mail', 'portal', 'system')"


def upgrade() -> None:
    """Apply."""
    for table in ("cancellations", "marketing_cancellations"):
        op.add_column(table, sa.Column("entered_at", sa.DateTime(timezone=True), nullable=True))
        op.add_column(table, sa.Column("channel", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("time_zone", sa.Text(), nullable=True))
        op.create_check_constraint(op.f(f"ck_{table}_channel_known"), table, sa.text(CHANNELS))
        op.create_check_constraint(
            op.f(f"ck_{table}_received_before_entered"), table, sa.text("received_at <= entered_at")
        )
    op.execute(
        "UPDATE cancellations c SET time_zone = o.time_zone FROM subscriptions s JOIN organizations o ON o.id = s.organization "
        "WHERE s.id = c.subscription"
    )
    op.execute(
        "UPDATE marketing_cancellations c SET time_zone = o.time_zone FROM organizations o WHERE o.id = c.organization"
    )
    op.add_column(
        "subscription_lines",
        sa.Column("known_since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_column("subscription_lines", "known_since")
    for table in ("cancellations", "marketing_cancellations"):
        for column in ("time_zone", "channel", "entered_at"):
            op.drop_column(table, column)

"""The cancellation of one line while its subscription goes on: a case of its own among the cancellations (rules, section 8).

A case of a line has no checklist questions about data and campaigns, and ends no access.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

RUNNING = "stage NOT IN ('abandoned', 'closed', 'reversed', 'withdrawn')"

CHECKLIST = (
    "stage NOT IN ('preparing', 'scheduled', 'canceled', 'reversed', 'closed') OR "
    "(termination_date IS NOT NULL AND {others})"
)
EFFECT = "stage NOT IN ('canceled', 'reversed', 'closed') OR ({ended} IS NOT NULL AND reversal_deadline IS NOT NULL)"


def _check(name: str, condition: str, *, replace: bool = True) -> None:
    if replace:
        op.drop_constraint(op.f(f"ck_cancellations_{name}"), "cancellations", type_="check")
    op.create_check_constraint(op.f(f"ck_cancellations_{name}"), "cancellations", sa.text(condition))


def upgrade() -> None:
    """Apply."""
    op.add_column("cancellations", sa.Column("subscription_line", sa.Text(), nullable=True))
    op.add_column("cancellations", sa.Column("line_ends_on", sa.Date(), nullable=True))
    op.create_foreign_key(
        op.f("fk_cancellations_subscription_line"), "cancellations", "subscription_lines", ["subscription_line"], ["id"]
    )
    op.drop_constraint(op.f("uq_cancellations_subscription_ordinal"), "cancellations", type_="unique")
    op.drop_index(op.f("uq_cancellations_running"), "cancellations")
    for of, subject, condition in (
        ("", "subscription", "subscription_line IS NULL"),
        ("line_", "subscription_line", "subscription_line IS NOT NULL"),
    ):
        op.create_index(
            f"uq_cancellations_{of or 'subscription_'}ordinal",
            "cancellations",
            [subject, "ordinal"],
            unique=True,
            postgresql_where=sa.text(condition),
        )
        op.create_index(
            f"uq_cancellations_{of}running",
            "cancellations",
            [subject],
            unique=True,
            postgresql_where=sa.text(f"{condition} AND {RUNNING}"),
        )
    _check(
        "checklist_before_all_else",
        CHECKLIST.format(
            others="verified_by IS NOT NULL AND (subscription_line IS NOT NULL "
            "OR (data IS NOT NULL AND campaigns IS NOT NULL))"
        ),
    )
    _check("effect_has_a_deadline", EFFECT.format(ended="COALESCE(access_ended_on, line_ends_on)"))
    _check(
        "line_keeps_data_and_access",
        "subscription_line IS NULL OR (data IS NULL AND campaigns IS NULL AND access_ended_on IS NULL "
        "AND termination IS DISTINCT FROM 'now')",
        replace=False,
    )
    _check("line_ends_on_of_a_line", "subscription_line IS NOT NULL OR line_ends_on IS NULL", replace=False)


def downgrade() -> None:
    """Revert; it fails where a line was cancelled alone."""
    for name in ("line_ends_on_of_a_line", "line_keeps_data_and_access"):
        op.drop_constraint(op.f(f"ck_cancellations_{name}"), "cancellations", type_="check")
    _check("effect_has_a_deadline", EFFECT.format(ended="access_ended_on"))
    _check(
        "checklist_before_all_else",
        CHECKLIST.format(others="data IS NOT NULL AND campaigns IS NOT NULL AND verified_by IS NOT NULL"),
    )
    for name in ("line_running", "line_ordinal", "running", "subscription_ordinal"):
        op.drop_index(f"uq_cancellations_{name}", "cancellations")
    op.create_index(
        "uq_cancellations_running", "cancellations", ["subscription"], unique=True, postgresql_where=sa.text(RUNNING)
    )
    op.create_unique_constraint(
        op.f("uq_cancellations_subscription_ordinal"), "cancellations", ["subscription", "ordinal"]
    )
    op.drop_column("cancellations", "line_ends_on")
    op.drop_column("cancellations", "subscription_line")

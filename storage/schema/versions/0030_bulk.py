"""Bulk cancellations: their rows, and the switch that keeps all of them from starting anything."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

OPEN = "'planning', 'ready', 'under_way'"
PERSON = "lower(regexp_replace(btrim({}), '\\s+', ' ', 'g'))"


def check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    """Return a named constraint of a table."""
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def text(name: str, *, nullable: bool = True) -> sa.Column[str]:
    """Return a column of text."""
    return sa.Column(name, sa.Text(), nullable=nullable)


def number(name: str, *, nullable: bool = True) -> sa.Column[int]:
    """Return a column of whole numbers."""
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def instant(name: str, *, nullable: bool = True) -> sa.Column[object]:
    """Return a column of instants."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def json(name: str) -> sa.Column[object]:
    """Return a column of JSON that may be empty."""
    return sa.Column(name, postgresql.JSONB(), nullable=True)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "bulks",
        text("id", nullable=False),
        text("kind", nullable=False),
        text("organization"),
        sa.Column("organizations", sa.ARRAY(sa.Text()), nullable=True),
        text("source", nullable=False),
        text("state", nullable=False),
        number("total", nullable=False),
        number("at_once", nullable=False),
        number("per_minute", nullable=False),
        text("reason", nullable=False),
        text("planned_by", nullable=False),
        instant("planned_at", nullable=False),
        instant("judged_at"),
        text("digest"),
        number("ready"),
        text("confirmed_by"),
        instant("confirmed_at"),
        text("confirmed_because"),
        text("halted_by"),
        instant("halted_at"),
        text("halted_because"),
        instant("next_start_at"),
        instant("ended_at"),
        check("bulks", "kind_known", "kind IN ('rows', 'organization')"),
        check(
            "bulks",
            "state_known",
            "state IN ('planning', 'planned', 'running', 'stopped', 'killed', 'expired', 'finished')",
        ),
        check("bulks", "id_has_its_form", "id ~ '^bulk-[0-9a-f]{16}$'"),
        check("bulks", "organization_of_its_kind", "(kind = 'organization') = (organization IS NOT NULL)"),
        check("bulks", "total_in_bounds", "total BETWEEN 1 AND 10000"),
        check("bulks", "at_once_in_bounds", "at_once BETWEEN 1 AND 20"),
        check("bulks", "per_minute_in_bounds", "per_minute BETWEEN 1 AND 6000"),
        check(
            "bulks",
            "confirmed_whole",
            "num_nonnulls(confirmed_by, confirmed_at, confirmed_because) IN (0, 3)",
        ),
        check(
            "bulks",
            "confirmed_before_it_starts",
            "state NOT IN ('running', 'stopped', 'finished') OR confirmed_by IS NOT NULL",
        ),
        check("bulks", "judged_whole", "num_nonnulls(judged_at, digest, ready) IN (0, 3)"),
        check("bulks", "shown_before_it_is_confirmed", "state IN ('planning', 'killed') OR digest IS NOT NULL"),
        check(
            "bulks",
            "confirmed_by_a_second_person",
            f"ready <= 10 OR {PERSON.format('confirmed_by')} <> {PERSON.format('planned_by')}",
        ),
        check("bulks", "confirmed_by_somebody_known", "lower(ltrim(confirmed_by)) NOT LIKE 'temporal:%'"),
        check("bulks", "ended_at_its_end", "(state IN ('killed', 'expired', 'finished')) = (ended_at IS NOT NULL)"),
        check("bulks", "halted_whole", "num_nonnulls(halted_by, halted_at, halted_because) IN (0, 3)"),
        sa.ForeignKeyConstraint(["organization"], ["organizations.id"], name=op.f("fk_bulks_organization")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulks")),
    )
    op.create_index("ix_bulks_planned_at", "bulks", ["planned_at", "id"])
    op.create_table(
        "bulk_rows",
        text("bulk", nullable=False),
        number("number", nullable=False),
        text("subscription", nullable=False),
        text("organization"),
        text("state", nullable=False),
        json("start"),
        text("digest", nullable=False),
        json("quote"),
        json("refusal"),
        text("cancellation"),
        instant("begun_at"),
        instant("settled_at"),
        check(
            "bulk_rows",
            "state_known",
            f"state IN ({OPEN}, 'started', 'already_running', 'refused', 'not_started')",
        ),
        check("bulk_rows", "digest_is_sha256", "digest ~ '^[0-9a-f]{64}$'"),
        check(
            "bulk_rows",
            "case_where_one_runs",
            "(state IN ('started', 'already_running')) = (cancellation IS NOT NULL)",
        ),
        check("bulk_rows", "refused_with_a_reason", "(state = 'refused') = (refusal IS NOT NULL)"),
        check("bulk_rows", "start_until_it_is_settled", f"(state IN ({OPEN})) = (start IS NOT NULL)"),
        check(
            "bulk_rows",
            "shown_before_it_starts",
            "state NOT IN ('ready', 'under_way', 'started') OR quote IS NOT NULL",
        ),
        check("bulk_rows", "begun_when_under_way", "(state = 'under_way') <= (begun_at IS NOT NULL)"),
        sa.ForeignKeyConstraint(["bulk"], ["bulks.id"], name=op.f("fk_bulk_rows_bulk")),
        sa.ForeignKeyConstraint(["cancellation"], ["cancellations.id"], name=op.f("fk_bulk_rows_cancellation")),
        sa.PrimaryKeyConstraint("bulk", "number", name=op.f("pk_bulk_rows")),
    )
    op.create_index("ix_bulk_rows_state", "bulk_rows", ["bulk", "state", "number"])
    _index_where("ix_bulk_rows_open", ["bulk", "state", "number"], f"state IN ({OPEN})")
    _index_where("uq_bulk_rows_subscription", ["bulk", "subscription"], "state <> 'refused'", unique=True)
    _index_where("uq_bulk_rows_started", ["cancellation"], "state = 'started'", unique=True)
    switch = op.create_table(
        "bulk_switch",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        instant("off_since"),
        text("switched_by"),
        text("reason"),
        check("bulk_switch", "one_row", "id = 1"),
        check("bulk_switch", "off_with_a_reason", "off_since IS NULL OR num_nonnulls(switched_by, reason) = 2"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_switch")),
    )
    op.bulk_insert(switch, [{"id": 1}])


def _index_where(name: str, columns: list[str], condition: str, *, unique: bool = False) -> None:
    op.create_index(name, "bulk_rows", columns, unique=unique, postgresql_where=sa.text(condition))


def downgrade() -> None:
    """Revert."""
    op.drop_table("bulk_switch")
    op.drop_table("bulk_rows")
    op.drop_table("bulks")

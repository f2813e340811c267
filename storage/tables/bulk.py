"""Bulk cancellations: their rows, and the switch that keeps all of them from starting anything."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from domain.actors import DIRECTLY
from domain.bulk import (
    ALONE_UP_TO,
    MOST_AT_ONCE,
    MOST_PER_MINUTE,
    MOST_ROWS,
    OPEN_ROWS,
    BulkKind,
    BulkState,
    RowState,
)
from storage.tables.base import JsonObject, Table, one_of
from storage.tables.cancellation import PERSON

_OPEN = ", ".join(f"'{state}'" for state in sorted(OPEN_ROWS))


class BulkRow(Table):
    """One bulk: who planned it, what was shown, who confirmed it, and how far it is."""

    __tablename__ = "bulks"
    __table_args__ = (
        one_of("kind", BulkKind),
        one_of("state", BulkState),
        CheckConstraint("id ~ '^bulk-[0-9a-f]{16}$'", name="id_has_its_form"),
        CheckConstraint("(kind = 'organization') = (organization IS NOT NULL)", name="organization_of_its_kind"),
        CheckConstraint(f"total BETWEEN 1 AND {MOST_ROWS}", name="total_in_bounds"),
        CheckConstraint(f"at_once BETWEEN 1 AND {MOST_AT_ONCE}", name="at_once_in_bounds"),
        CheckConstraint(f"per_minute BETWEEN 1 AND {MOST_PER_MINUTE}", name="per_minute_in_bounds"),
        CheckConstraint("num_nonnulls(confirmed_by, confirmed_at, confirmed_because) IN (0, 3)", name="confirmed_whole"),
        CheckConstraint("state NOT IN ('running', 'stopped', 'finished') OR confirmed_by IS NOT NULL",
                        name="confirmed_before_it_starts"),
        CheckConstraint("num_nonnulls(judged_at, digest, ready) IN (0, 3)", name="judged_whole"),
        CheckConstraint("state IN ('planning', 'killed') OR digest IS NOT NULL", name="shown_before_it_is_confirmed"),
        CheckConstraint(f"ready <= {ALONE_UP_TO} OR {PERSON.format('confirmed_by')} <> {PERSON.format('planned_by')}",
                        name="confirmed_by_a_second_person"),
        CheckConstraint(f"lower(ltrim(confirmed_by)) NOT LIKE '{DIRECTLY}%'", name="confirmed_by_somebody_known"),
        CheckConstraint("(state IN ('killed', 'expired', 'finished')) = (ended_at IS NOT NULL)", name="ended_at_its_end"),
        CheckConstraint("num_nonnulls(halted_by, halted_at, halted_because) IN (0, 3)", name="halted_whole"),
        Index("ix_bulks_planned_at", "planned_at", "id"),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    organization: Mapped[str | None] = mapped_column(ForeignKey("organizations.id"))
    """The organization all of whose subscriptions it cancels."""
    organizations: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    """Those to which whoever planned it was limited, and so its rows; null for somebody without such a limit."""
    source: Mapped[str]
    """The name of the file, or the organization."""
    state: Mapped[str]
    total: Mapped[int]
    at_once: Mapped[int]
    per_minute: Mapped[int]
    reason: Mapped[str]
    planned_by: Mapped[str]
    planned_at: Mapped[datetime]
    judged_at: Mapped[datetime | None]
    digest: Mapped[str | None]
    """Names exactly the rows and dates that the plan shows; null until all are judged."""
    ready: Mapped[int | None]
    """The number of rows that the plan found could be started."""
    confirmed_by: Mapped[str | None]
    confirmed_at: Mapped[datetime | None]
    confirmed_because: Mapped[str | None]
    halted_by: Mapped[str | None]
    """Whoever stopped or killed it last."""
    halted_at: Mapped[datetime | None]
    halted_because: Mapped[str | None]
    next_start_at: Mapped[datetime | None]
    """The earliest instant of the next start, by the clock of the database, so that no more are begun than there may be in a minute."""
    ended_at: Mapped[datetime | None]


class BulkItemRow(Table):
    """One row of a bulk."""

    __tablename__ = "bulk_rows"
    __table_args__ = (
        one_of("state", RowState),
        CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name="digest_is_sha256"),
        CheckConstraint("(state IN ('started', 'already_running')) = (cancellation IS NOT NULL)", name="case_where_one_runs"),
        CheckConstraint("(state = 'refused') = (refusal IS NOT NULL)", name="refused_with_a_reason"),
        CheckConstraint(f"(state IN ({_OPEN})) = (start IS NOT NULL)", name="start_until_it_is_settled"),
        CheckConstraint("state NOT IN ('ready', 'under_way', 'started') OR quote IS NOT NULL", name="shown_before_it_starts"),
        CheckConstraint("(state = 'under_way') <= (begun_at IS NOT NULL)", name="begun_when_under_way"),
        Index("ix_bulk_rows_open", "bulk", "state", "number", postgresql_where=text(f"state IN ({_OPEN})")),
        Index("ix_bulk_rows_state", "bulk", "state", "number"),
        Index("uq_bulk_rows_subscription", "bulk", "subscription", unique=True, postgresql_where=text("state <> 'refused'")),
        Index("uq_bulk_rows_started", "cancellation", unique=True, postgresql_where=text("state = 'started'")),
    )  # fmt: skip

    bulk: Mapped[str] = mapped_column(ForeignKey("bulks.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    """As in its file, with the header as row 1; from 1 on in a bulk of an organization."""
    subscription: Mapped[str]
    """As it is written there: the subscription need not exist. Empty where that is no id."""
    organization: Mapped[str | None]
    state: Mapped[str]
    start: Mapped[JsonObject | None] = mapped_column(JSONB(none_as_null=True))
    """The content of its start (`contract.bulk.RowStart`), until it is settled: then its case keeps it, or nobody."""
    digest: Mapped[str]
    """A digest of that content."""
    quote: Mapped[JsonObject | None] = mapped_column(JSONB(none_as_null=True))
    """What the plan has shown of it (`domain.bulk.plan.RowQuote`)."""
    refusal: Mapped[JsonObject | None] = mapped_column(JSONB(none_as_null=True))
    """`domain.refusals.RefusalDetails`."""
    cancellation: Mapped[str | None] = mapped_column(ForeignKey("cancellations.id"))
    begun_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]


class BulkSwitchRow(Table):
    """The kill switch of the installation: one row."""

    __tablename__ = "bulk_switch"
    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("off_since IS NULL OR num_nonnulls(switched_by, reason) = 2", name="off_with_a_reason"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    off_since: Mapped[datetime | None]
    """The instant since which no bulk starts anything; null where they may."""
    switched_by: Mapped[str | None]
    reason: Mapped[str | None]

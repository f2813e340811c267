"""On-premises migrations, and the support queues that work on them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.migration import FINAL_MIGRATION_STAGES, MigrationStage
from storage.tables.base import Table, one_of

_FINAL = ", ".join(f"'{stage}'" for stage in sorted(FINAL_MIGRATION_STAGES))


class SupportQueueRow(Table):
    """A support queue and its mail address; without an address it is notified by webhook alone."""

    __tablename__ = "support_queues"

    name: Mapped[str] = mapped_column(primary_key=True)
    mail: Mapped[str | None]


class MigrationRow(Table):
    """The on-premises migration of one cancellation."""

    __tablename__ = "on_premises_migrations"
    __table_args__ = (
        one_of("stage", MigrationStage),
        Index("uq_on_premises_migrations_running", "organization", unique=True,
              postgresql_where=text(f"stage NOT IN ({_FINAL})")),
        CheckConstraint("stage IN ('requested', 'withdrawn', 'abandoned') OR "
                        "num_nonnulls(contact, accepted_by, accepted_at, transfer_at) = 4", name="accepted_before_transfer"),
        CheckConstraint("num_nonnulls(transferred_at, prefix, tables, rows, bytes, sha256, link_expires_at) IN (0, 7)",
                        name="transferred_as_a_whole"),
        CheckConstraint("stage NOT IN ('available', 'downloaded', 'completed') OR transferred_at IS NOT NULL",
                        name="transferred_before_download"),
        CheckConstraint("stage NOT IN ('downloaded', 'completed') OR num_nonnulls(downloaded_by, downloaded_at) = 2",
                        name="downloaded_before_completion"),
        CheckConstraint(f"(stage IN ({_FINAL})) = (ended_at IS NOT NULL)", name="end_has_an_instant"),
    )  # fmt: skip

    cancellation: Mapped[str] = mapped_column(ForeignKey("cancellations.id"), primary_key=True)
    organization: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    queue: Mapped[str]
    """The name of the support queue; it need not have an address."""
    stage: Mapped[str]
    stage_since: Mapped[datetime]
    """The instant at which the wait of the stage began."""
    requested_at: Mapped[datetime]
    contact: Mapped[str | None]
    """The IT department's e-mail address."""
    accepted_by: Mapped[str | None]
    accepted_at: Mapped[datetime | None]
    transfer_at: Mapped[datetime | None]
    transfers: Mapped[int] = mapped_column(server_default=text("0"))
    """The number of transfers begun: one, and one more for each that was requested again."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """The number of attempts of all transfers. Only the newest may finish: the files of an older one do not count."""
    transferred_at: Mapped[datetime | None]
    prefix: Mapped[str | None]
    """The prefix of the keys of the dump and its manifest in the object store."""
    tables: Mapped[int | None]
    rows: Mapped[int | None]
    bytes: Mapped[int | None]
    sha256: Mapped[str | None]
    """The checksum of the dump."""
    links: Mapped[int] = mapped_column(server_default=text("0"))
    """The number of links that were mailed."""
    link_expires_at: Mapped[datetime | None]
    told: Mapped[int] = mapped_column(server_default=text("0"))
    """The number of messages recorded about this migration, so that each has an id of its own."""
    downloaded_by: Mapped[str | None]
    downloaded_at: Mapped[datetime | None]
    completed_by: Mapped[str | None]
    ended_at: Mapped[datetime | None]

"""The end of an organization's data: exports, legal holds, erasures."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, and_, exists, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Table


class ExportRow(Table):
    """The export of one cancellation: its attempts, the one that counts, and its further course."""

    __tablename__ = "exports"
    __table_args__ = (
        CheckConstraint("num_nonnulls(finished_at, prefix, tables, rows, bytes, warnings, manifest_sha256, "
                        "link_expires_at) IN (0, 8)", name="finished_as_a_whole"),
        CheckConstraint("acknowledged_at IS NULL OR finished_at IS NOT NULL", name="acknowledged_after_finished"),
        CheckConstraint("(acknowledged_at IS NULL) = (acknowledged_by IS NULL)", name="acknowledged_by_somebody"),
        Index("ix_exports_running", "cancellation",
              postgresql_where=text("finished_at IS NULL AND erased_at IS NULL")),
    )  # fmt: skip

    cancellation: Mapped[str] = mapped_column(ForeignKey("cancellations.id"), primary_key=True)
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """The number of attempts. Only the newest may finish: the files of an older one do not count."""
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    prefix: Mapped[str | None]
    """The prefix of the files' keys in the object store."""
    manifest_sha256: Mapped[str | None]
    tables: Mapped[int | None]
    rows: Mapped[int | None]
    bytes: Mapped[int | None]
    warnings: Mapped[int | None]
    links: Mapped[int] = mapped_column(server_default=text("0"))
    """The number of links that were mailed."""
    link_expires_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]
    erased_at: Mapped[datetime | None]


class HoldRow(Table):
    """A legal hold: a reason not to erase an organization's data. Rows are never removed."""

    __tablename__ = "holds"
    __table_args__ = (
        CheckConstraint("num_nonnulls(released_at, released_by, release_reason) IN (0, 3)", name="released_as_a_whole"),
        Index("ix_holds_in_force", "organization", postgresql_where=text("released_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    organization: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    reason: Mapped[str]
    placed_by: Mapped[str]
    placed_at: Mapped[datetime]
    request: Mapped[str] = mapped_column(unique=True)
    """The id of the request to place the hold, so that a repetition places no second one."""
    released_by: Mapped[str | None]
    released_at: Mapped[datetime | None]
    release_reason: Mapped[str | None]


class ErasureRow(Table):
    """The certificate of one erasure: begun with the first thing erased, complete when nothing is left."""

    __tablename__ = "erasures"
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(finished_at, tables, rows, objects, bytes) IN (0, 5)", name="finished_as_a_whole"
        ),
    )

    cancellation: Mapped[str] = mapped_column(ForeignKey("cancellations.id"), primary_key=True)
    organization: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    tables: Mapped[int | None]
    rows: Mapped[int | None]
    objects: Mapped[int | None]
    bytes: Mapped[int | None]
    kept_because: Mapped[str | None]
    """The reason why the organization's own data stays, if it does."""


class ErasedThingRow(Table):
    """One object that an erasure removes: recorded before, confirmed after, with names and counts but no content."""

    __tablename__ = "erased_things"

    cancellation: Mapped[str] = mapped_column(ForeignKey("erasures.cancellation"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    rows: Mapped[int | None]
    bytes: Mapped[int | None]
    noted_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]


IS_OWN_DATA = ErasedThingRow.kind.not_in(("object", "upload", "compaction"))
"""The condition for a thing of the organization's own data: the others are of the copies of a case."""
IS_ERASING = and_(
    ErasureRow.finished_at.is_(None),
    ErasureRow.kept_because.is_(None),
    exists().where(ErasedThingRow.cancellation == ErasureRow.cancellation, IS_OWN_DATA),
)
"""The condition for an erasure that has removed, or is about to remove, a part of the organization's own data, and has not ended."""

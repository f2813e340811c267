"""The seals on the audit trail. Both tables are append-only, enforced by triggers."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Table


class AuditSealRow(Table):
    """One link of the chain: a digest of some entries of the audit trail, and of the link before it."""

    __tablename__ = "audit_seals"
    __table_args__ = (
        CheckConstraint("number > 0 AND entries > 0", name="counted"),
        CheckConstraint("form IN (1, 2)", name="form_known"),
        CheckConstraint("digest ~ '^[0-9a-f]{64}$' AND head ~ '^[0-9a-f]{64}$'", name="are_sha256"),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 1, without a gap."""
    entries: Mapped[int]
    """The number of entries under this seal."""
    digest: Mapped[str]
    """SHA-256 of their digests, in the order of their numbers."""
    head: Mapped[str]
    """SHA-256 of the head before, this number, the number of entries and their digest: what is published."""
    sealed_at: Mapped[datetime]
    newest_entry: Mapped[int]
    """The highest number of an entry under this seal."""
    running: Mapped[int]
    """The first transaction that had not begun when it was sealed: those before it may still add entries of lower numbers."""
    form: Mapped[int] = mapped_column(server_default=text("1"))
    """The form of its digests: in the second one words within a change count by their digest, so that they can be removed."""
    settled_until: Mapped[int]
    """The number up to which every entry that there will ever be is sealed: where the next look begins."""


class AuditSealedRow(Table):
    """An entry of the audit trail that is under a seal."""

    __tablename__ = "audit_sealed"

    entry: Mapped[int] = mapped_column(ForeignKey("audit_trail.id"), primary_key=True, autoincrement=False)
    seal: Mapped[int] = mapped_column(
        ForeignKey("audit_seals.number", deferrable=True, initially="DEFERRED"), index=True
    )

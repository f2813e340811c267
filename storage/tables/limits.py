"""The limits across cases, and the starts, codes, tries and links that count towards them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.limits import Limited, LimitScope
from storage.tables.base import Table, one_of


class LimitRow(Table):
    """How many starts, codes, tries or links there may be for one address, organization or caller."""

    __tablename__ = "limits"
    __table_args__ = (
        one_of("limited", Limited),
        one_of("scope", LimitScope),
        CheckConstraint("number > 0", name="positive"),
    )

    limited: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int | None]
    """Within `domain.limits.LIMIT_WINDOW`; null for as many as are asked for."""


class LimitedUseRow(Table):
    """One start, code, try or link. It is removed when it counts no more."""

    __tablename__ = "limited_uses"
    __table_args__ = (
        one_of("limited", Limited),
        CheckConstraint("address ~ '^[0-9a-f]{64}$'", name="address_is_sha256"),
        Index("ix_limited_uses_address", "address", "limited", "used_at"),
        Index("ix_limited_uses_organization", "organization", "limited", "used_at"),
        Index("ix_limited_uses_caller", "caller", "limited", "used_at"),
        Index("ix_limited_uses_cancellation", "cancellation"),
        Index("ix_limited_uses_used_at", "used_at"),
    )

    step: Mapped[str] = mapped_column(primary_key=True)
    """The idempotency key of the step that was taken."""
    limited: Mapped[str]
    address: Mapped[str | None]
    """SHA-256 of the administrator's address, whatever its case; null where none was known."""
    organization: Mapped[str | None]
    caller: Mapped[str]
    """Whatever its case and spaces (`domain.vocabulary.person_key`)."""
    cancellation: Mapped[str | None]
    used_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    """By the clock of the database, whatever instant the request states."""
    wanted_at: Mapped[datetime | None]
    """The instant since which it counts for the caller alone: a code has verified the administrator of its case."""
    address_released_at: Mapped[datetime | None]
    organization_released_at: Mapped[datetime | None]
    caller_released_at: Mapped[datetime | None]
    """The instants since which it counts no more for its address, organization, caller: a supervisor has released them."""

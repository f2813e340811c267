"""Tasks of registered systems in cancellations, from the request to the confirmation."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.system_tasks import SystemTask
from storage.tables.base import Table, one_of


class SystemTaskRow(Table):
    """One task of one system in one cancellation."""

    __tablename__ = "system_tasks"
    __table_args__ = (
        one_of("task", SystemTask),
        UniqueConstraint("cancellation", "system", "task"),
        CheckConstraint("(confirmed_at IS NULL) = (confirmed_by IS NULL)", name="confirmed_by_somebody"),
        CheckConstraint("num_nonnulls(confirmed_at, superseded_at) <= 1 OR task = 'end_access'", name="confirmed_or_superseded"),
        Index("ix_system_tasks_open", "cancellation",
              postgresql_where=text("confirmed_at IS NULL AND superseded_at IS NULL")),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)
    cancellation: Mapped[str] = mapped_column(ForeignKey("cancellations.id"))
    system: Mapped[str] = mapped_column(ForeignKey("webhook_endpoints.name"))
    task: Mapped[str]
    requested_at: Mapped[datetime]
    asked: Mapped[int] = mapped_column(server_default=text("0"))
    """How often the system was asked; none while a legal hold keeps it from being asked to erase."""
    escalated_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[str | None]
    superseded_at: Mapped[datetime | None]
    """The instant at which the contrary was asked for; it need not be confirmed any more."""

"""Runs of the update of line dates."""

from datetime import date, datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import JsonObject, Table


class LineDatesRunRow(Table):
    """One run of the update of line dates: its progress, written in the transaction of every chunk."""

    __tablename__ = "line_dates_runs"
    __table_args__ = (Index("ix_line_dates_runs_started_at", "started_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    as_of: Mapped[date]
    zone: Mapped[str]
    """The zone whose calendar the day belongs to."""
    instant: Mapped[datetime | None]
    """The instant whose day in the zone of each organization is the day of its lines; null: ``as_of`` is, for every line,
    as it was in every run before there was this column."""
    scope: Mapped[JsonObject]
    """The lines that it covers (`domain.lines.runs.Scope`)."""
    actor: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    due: Mapped[int]
    """The number of lines that were due when the run began."""
    unchanged: Mapped[int]
    """The number of open lines that were not due; for a run on every line, PostgreSQL's estimate."""
    closed: Mapped[int] = mapped_column(server_default=text("0"))
    rolled: Mapped[int] = mapped_column(server_default=text("0"))
    failed: Mapped[int] = mapped_column(server_default=text("0"))
    """The number of lines that were refused in the current pass, or in the last."""
    busy: Mapped[int] = mapped_column(server_default=text("0"))
    """The number of lines that others had locked when the last pass ended."""
    failures: Mapped[list[JsonObject]] = mapped_column(server_default=text("'[]'"))
    """The first of the failed lines, with the reasons."""
    never_billed: Mapped[int] = mapped_column(server_default=text("0"))
    """The number of lines past their end date that stay open because they have no next billing date."""
    never_billed_lines: Mapped[list[JsonObject]] = mapped_column(server_default=text("'[]'"))
    """The first of them, with the reasons."""
    passes: Mapped[int] = mapped_column(server_default=text("0"))
    cursor_due_after: Mapped[date | None]
    cursor_line: Mapped[str | None]
    messages: Mapped[int] = mapped_column(server_default=text("0"))
    """The number of messages that the run has recorded, from which they get their own numbers."""

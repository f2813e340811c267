"""On-premises migrations in text for people, made for 80 columns."""

from collections.abc import Sequence
from datetime import datetime

from rich import box
from rich.markup import escape
from rich.table import Table

from contract import MigrationStatus
from domain.civil_dates import day_text
from domain.civil_time import day_of
from domain.migration import MigrationStage
from domain.words import FOR_AGENTS, size_in_words
from records.migration.lists import MigrationSummary
from starter.cli.output import console, say, say_unbroken
from starter.service.migration import MigrationView

_LABEL_WIDTH = 20
_STYLES = {MigrationStage.COMPLETED: "green", MigrationStage.WITHDRAWN: "dim", MigrationStage.ABANDONED: "dim"}


def say_status(status: MigrationStatus) -> None:
    """Print the state of a migration after a command."""
    say(f"Migration of [bold]{status.cancellation}[/]: [bold]{status.stage}[/].")
    _say_fact("waits for", status.waiting_for)
    _say_fact("transfer", _moment(status.transfer_at, status.time_zone))
    _say_fact("transferred", _amount(status.rows, status.tables, status.bytes))
    _say_fact("being delivered", ", ".join(status.undelivered))
    if status.fetched:
        say("[bold yellow]Fetched by a link before this correction:[/]")
    for file in status.fetched:
        say(escape(f"{file.name} on {_moment(file.at, status.time_zone)} ({file.by})"), first="  - ")


def say_migration(view: MigrationView) -> None:
    """Print the state of a migration, in detail."""
    migration = view.migration
    zone = migration.time_zone
    say(f"Migration of [bold]{migration.cancellation}[/]: [bold]{migration.stage}[/].")
    _say_fact("waits for", view.waiting_for)
    if migration.stage is not MigrationStage.SCHEDULED:
        _say_fact("given up", _moment(view.stage_deadline, zone))
    _say_fact("queue", f"{migration.queue} ({migration.platform})")
    _say_fact("requested", _moment(migration.requested_at, zone))
    _say_fact("IT department", migration.contact or "")
    _say_fact("transfer", _moment(migration.transfer_at, zone))
    _say_fact("so far", view.progress)
    _say_fact("held up by", view.held_up_by)
    _say_fact("transferred", _amount(migration.rows, migration.tables, migration.bytes))
    if migration.sha256:
        say_unbroken(migration.sha256, first=f"  {'SHA-256':<{_LABEL_WIDTH}} ")
    _say_fact("link works until", _moment(migration.link_expires_at, zone))
    _say_fact("ended", _moment(migration.ended_at, zone))
    _say_fact("being delivered", ", ".join(view.undelivered))


def say_migrations(found: Sequence[MigrationSummary]) -> None:
    """Print a table of migrations."""
    if not found:
        say("No migration yet. One begins with a cancellation that answers [cyan]--data migrate[/].")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Migration of", overflow="fold")
    table.add_column("Stage", no_wrap=True)
    table.add_column("Requested", no_wrap=True)
    table.add_column("Queue", ratio=1)
    for migration in found:
        table.add_row(
            escape(migration.cancellation),
            f"[{_STYLES.get(migration.stage, 'yellow')}]{migration.stage}[/]",
            day_text(day_of(migration.requested_at, migration.time_zone)),
            migration.queue,
        )
    console.print(table)


def _say_fact(name: str, value: str) -> None:
    if value:
        say(escape(value), first=f"  {name:<{_LABEL_WIDTH}} ")


def _moment(instant: datetime | None, zone: str) -> str:
    return FOR_AGENTS.instant(instant, zone) if instant else ""


def _amount(rows: int | None, tables: int | None, size: int | None) -> str:
    return f"{rows:,} rows of {tables:,} tables, {size_in_words(size or 0)}" if rows is not None else ""

"""``offramp schedule``: the Temporal Schedule of the nightly update."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.markup import escape

from domain.words import FOR_AGENTS
from starter.cli.days import Day
from starter.cli.output import JsonOption, print_json, say
from starter.cli.service import ForceOption, with_records, with_service

if TYPE_CHECKING:  # what reaches the service is loaded by the commands that do
    from starter.service.line_schedule import ScheduleView
    from starter.service.lines import LineDatesClient

schedule_app = typer.Typer(help="Show and steer the schedule of the nightly update.", no_args_is_help=True)

Answer = TypeVar("Answer")
Note = Annotated[str, typer.Option("--note", help="The reason, for people who look at the schedule.")]
RUNS_SHOWN = 5


@schedule_app.command()
def show(*, as_json: JsonOption = False) -> None:
    """Show the next runs of the update, whether it is paused, and the results of its last runs."""
    _show(_ask(lambda lines: lines.schedule()), as_json=as_json)


@schedule_app.command()
def ensure(*, as_json: JsonOption = False) -> None:
    """Create the schedule, or bring it up to date: daily at 04:00 in OFFRAMP_NIGHTLY_ZONE. A pause stays."""
    from activities.lines import NightlySettings

    _show(_ask(lambda lines: lines.ensure_schedule(NightlySettings().nightly_zone)), as_json=as_json)


@schedule_app.command()
def pause(*, note: Note = "paused with offramp schedule pause", as_json: JsonOption = False) -> None:
    """Pause the nightly update. The next run catches up on what it misses."""
    _ask(lambda lines: lines.pause(note))
    show(as_json=as_json)


@schedule_app.command()
def resume(*, note: Note = "resumed with offramp schedule resume", as_json: JsonOption = False) -> None:
    """Resume the nightly update, even if it paused itself because a run failed."""
    _ask(lambda lines: lines.resume(note))
    show(as_json=as_json)


@schedule_app.command()
def backfill(first: Day, last: Day, *, force: ForceOption = False, as_json: JsonOption = False) -> None:
    """Run the update of each night from --first to --last, one after the other; with --force also of nights ahead."""
    _ask(lambda lines: lines.backfill(first, last, force=force))
    if as_json:
        print_json({"first": first, "last": last})
    else:
        say(f"The updates of {first} to {last} run one after the other: offramp schedule show")


def _ask(command: "Callable[[LineDatesClient], Awaitable[Answer]]") -> Answer:
    return with_service(lambda service: command(service.line_dates), as_json=True)


def _show(schedule: "ScheduleView", *, as_json: bool) -> None:
    runs = with_records(lambda service: service.line_dates.runs(RUNS_SHOWN))
    if as_json:
        print_json({**schedule.model_dump(mode="json"), "latest_runs": [run.model_dump(mode="json") for run in runs]})
        return
    state = f"[bold yellow]paused[/] ({escape(schedule.note)})" if schedule.paused else "[bold green]active[/]"
    say(f"[bold]{schedule.schedule}[/]: daily at 04:00, {schedule.zone}; {state}")
    zone = schedule.zone
    for at in [] if schedule.paused else schedule.next_runs:
        say(FOR_AGENTS.instant(at, zone), first="  next   ")
    for run in runs:
        say(
            f"{FOR_AGENTS.instant(run.finished_at or run.started_at, zone)}, {escape(str(run.scope))} {run.night}: "
            f"{run.closed} closed, {run.rolled} rolled, {run.failed} failed"
            f"{f', {run.never_billed} ended and never billed' if run.never_billed else ''}; run {escape(run.run)}",
            first=f"  {'done' if run.finished_at else 'since':<6} ",
        )

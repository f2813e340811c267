"""``offramp lines``: list subscription lines, and bring their dates up to date."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from domain.civil_dates import count_text
from domain.lines.runs import FailedLine, LineDatesProgress, Scope, ScopeAmbiguous
from starter.cli.days import OptionalDay, day
from starter.cli.line_cancellations import register
from starter.cli.line_requests import LineArgument
from starter.cli.output import REFUSED, JsonOption, console, print_json, say
from starter.cli.service import ActorOption, ForceOption, ReasonOption, RequestIdOption, with_records, with_service

if TYPE_CHECKING:  # what reaches the service is loaded by the commands that do
    from contract import UpdateLineDates
    from records.lines.runs import ListedLine

lines_app = typer.Typer(
    help="List subscription lines, bring their dates up to date, and cancel single ones.", no_args_is_help=True
)
register(lines_app)

CustomerContract = Annotated[
    str | None, typer.Option("--customer-contract", metavar="NUMBER", help="Only lines of this customer contract.")
]
VendorContract = Annotated[
    str | None, typer.Option("--vendor-contract", metavar="NUMBER", help="Only lines of this vendor contract.")
]
Subscription = Annotated[
    str | None, typer.Option("--subscription", metavar="ID", help="Only lines of this subscription.")
]


@lines_app.command("list")
def list_(
    customer_contract: CustomerContract = None,
    vendor_contract: VendorContract = None,
    subscription: Subscription = None,
    *,
    due: Annotated[
        date | None, typer.Option("--due", metavar="YYYY-MM-DD", parser=day, show_default=False,
                                  help="Only lines that an update as of this day would close or roll.")
    ] = None,
    after: Annotated[str, typer.Option("--after", metavar="ID", help="Continue after this line.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="The largest number of lines.")] = 100,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """List lines by id, with their dates and the day until which the nightly update leaves them unchanged."""
    scope = _scope(customer_contract, vendor_contract, subscription)
    found = with_records(lambda service: service.line_dates.list(scope, due_as_of=due, after=after, limit=limit))
    if as_json:
        print_json(found)
    else:
        _print_lines(found)
        if len(found) == limit:
            say(f"There may be more: --after {found[-1].id}")


@lines_app.command()
def update_dates(
    customer_contract: CustomerContract = None,
    vendor_contract: VendorContract = None,
    subscription: Subscription = None,
    *,
    as_of: OptionalDay = None,
    force: ForceOption = False,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close and roll the lines that are due, as the nightly update does: every line, or those named.

    Without --as-of the day of each line is today in the zone of its organization. Ctrl-C leaves the update running.
    """
    from contract import UpdateLineDates, refusing_malformed

    _scope(customer_contract, vendor_contract, subscription)
    with refusing_malformed():
        wish = UpdateLineDates(
            as_of=as_of,
            force=force,
            customer_contract=customer_contract,
            vendor_contract=vendor_contract,
            subscription=subscription,
            actor=actor,
        )
    done = _update(wish, request_id, show=not as_json)
    if as_json:
        print_json(done)
    else:
        say_progress(done)
    if done.failed or done.busy:
        raise typer.Exit(REFUSED)


@lines_app.command()
def restore(
    run: Annotated[
        str, typer.Option("--run", metavar="ID", show_default=False,
                          help="The run, as `offramp schedule show` and the audit trail name it.")
    ],
    *,
    reason: ReasonOption,
    actor: ActorOption,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Take back what a run of the update changed: lines that were not changed since get their dates from before it again.

    Lines that are left as they are, are named. The next nightly update closes and rolls what is due by then.
    """
    restored = with_service(
        lambda service: service.line_dates.restore(run, actor=actor, reason=reason), as_json=as_json
    )
    if as_json:
        print_json(restored)
    else:
        before = f", {restored.restored_before} were before" if restored.restored_before else ""
        say(f"[bold]{count_text(restored.restored, 'line')}[/] restored{before}, [bold]{restored.left}[/] left alone.")
        _say_lines(restored.left, restored.left_lines)
    if restored.left:
        raise typer.Exit(REFUSED)


@lines_app.command()
def reopen(
    line: LineArgument,
    *,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take away the end date of a line that no cancellation has set, so that the line goes on."""
    found = with_records(
        lambda service: service.line_dates.reopen(line, actor=actor, reason=reason, request_id=request_id)
    )
    if as_json:
        print_json(found)
        return
    deadline = found.cancellation_possible_until or found.term_until
    until = f" to {found.term_until}, to be cancelled by {deadline}" if found.term_until else ""
    say(f"Line [bold]{line}[/] goes on{until}.")


def _update(wish: "UpdateLineDates", request_id: str | None, *, show: bool) -> LineDatesProgress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not show) as bar:
        task = bar.add_task("waiting for a worker", total=None)

        def watch(progress: LineDatesProgress) -> None:
            doing = f"{progress.busy} lines are locked by others" if progress.busy else progress.night
            changed = progress.closed + progress.rolled + progress.failed
            bar.update(task, description=doing, total=progress.due, completed=changed)

        return with_service(
            lambda service: service.line_dates.update(wish, watch=watch, request_id=request_id), as_json=True
        )


def say_progress(progress: LineDatesProgress) -> None:
    """Print the result of a run for people."""
    about = "about " if progress.scope.is_everything else ""
    say(
        f"Line dates of [bold]{escape(str(progress.scope))}[/] {progress.night}: "
        f"[bold]{progress.closed}[/] closed, [bold]{progress.rolled}[/] rolled, {about}{progress.unchanged} unchanged, "
        f"[{'bold red' if progress.failed else 'bold'}]{progress.failed}[/] failed."
    )
    _say_lines(progress.failed, progress.failures)
    if progress.never_billed:
        say(
            f"[bold]{count_text(progress.never_billed, 'line')}[/] past the end date and open for want of a next billing date:"
        )
        _say_lines(progress.never_billed, progress.never_billed_lines)
    if progress.busy:
        say(f"{progress.busy} lines were locked by others; the next run updates them.")
    say(f"Run {escape(progress.run)}")


def _say_lines(total: int, lines: Sequence[FailedLine]) -> None:
    """Print the first of the lines with their reasons, and the number of the others."""
    for line in lines:
        say(escape(f"{line.id} ({line.subscription}): {line.message}"), first="  - ")
    if total > len(lines):
        say(f"and {total - len(lines)} more", first="  - ")


def _print_lines(lines: "Sequence[ListedLine]") -> None:
    from rich import box
    from rich.table import Table

    def day(value: date | None) -> str:
        return str(value) if value else ""

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    # An id that is cut off is of no use to the next command.
    table.add_column("Line", overflow="fold", min_width=10)
    table.add_column("Partner", no_wrap=True)
    table.add_column("Contract", overflow="fold", min_width=8)
    for name in ("Term until", "Cancel by", "Ends on", "Due after"):
        table.add_column(name, no_wrap=True)
    for line in lines:
        state = "closed" if line.closed else day(line.due_after) or ("frozen" if line.frozen else "never")
        dates = (line.term_until, line.cancellation_possible_until, line.end_date)
        table.add_row(line.id, line.partner, line.contract or "", *map(day, dates), state)
    console.print(table)


def _scope(customer_contract: str | None, vendor_contract: str | None, subscription: str | None) -> Scope:
    named = {
        "customer contract": customer_contract,
        "vendor contract": vendor_contract,
        "subscription": subscription,
    }
    given = [f"{name} {value}" for name, value in named.items() if value is not None]
    if len(given) > 1:
        raise ScopeAmbiguous(given)
    return Scope(customer_contract=customer_contract, vendor_contract=vendor_contract, subscription=subscription)

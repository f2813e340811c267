"""``offramp report``: the outcomes of cancellations and their days at each stage, by month and reason for leaving."""

import csv
import io
import sys
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from starter.cli.cancellation_lists import OrganizationOption
from starter.cli.days import month
from starter.cli.output import JsonOption, console, print_json, say
from starter.cli.service import with_records

if TYPE_CHECKING:  # what reaches the service is loaded when the command runs
    from domain.vocabulary import Stage
    from records.cancellation.report import CancellationReport, ReportRow, StageDays

OUTCOMES = ("started", "running", "reversed", "withdrawn", "abandoned", "closed")
NO_REASON = "none given"


def report(
    *,
    first: Annotated[
        date | None,
        typer.Option("--from", parser=month, metavar="YYYY-MM", show_default=False,
                     help="The first month of receipt; from the beginning if not named."),
    ] = None,
    last: Annotated[
        date | None,
        typer.Option("--until", parser=month, metavar="YYYY-MM", show_default=False,
                     help="The last month of receipt; to the end if not named."),
    ] = None,
    organization: OrganizationOption = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV (RFC 4180), a row for each month and reason.")] = False,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Count cancellations by month and reason for leaving: how they ended, and how many days they stayed at each stage.

    A case counts in the month in which it was received, in the organization's zone, whatever happens to it later.
    """
    if as_csv and as_json:
        raise typer.BadParameter("--csv and --json exclude each other.")
    if first and last and last < first:
        raise typer.BadParameter("--until is before --from.")
    found = with_records(
        lambda service: service.cancellations.report(first=first, last=last, organization=organization)
    )
    if as_json:
        print_json(found)
    elif as_csv:
        sys.stdout.flush()
        sys.stdout.buffer.write(csv_of(found).encode())  # as bytes: a text stream may end lines in its own way
        sys.stdout.buffer.flush()
    else:
        _say(found)


def csv_of(found: "CancellationReport") -> str:
    """Return the rows of a report as CSV; a number of days that no case has is an empty cell.

    No cell contains text that anybody wrote: a month has its form, and a reason that of `domain.vocabulary.ReasonCode`, which no
    spreadsheet takes for a formula.
    """
    from records.cancellation.report import STAGES_LEFT

    written = io.StringIO()
    sheet = csv.writer(written)  # which ends lines with CRLF
    of_days = [f"{stage}_days_{kind}" for stage in STAGES_LEFT for kind in ("mean", "median")]
    sheet.writerow(["month", "reason_code", *OUTCOMES, *of_days])
    for row in found.rows:
        stays = [row.days.get(stage) for stage in STAGES_LEFT]
        days = [value for stay in stays for value in ((stay.mean, stay.median) if stay else ("", ""))]
        sheet.writerow([row.month, row.reason_code or "", *(getattr(row, name) for name in OUTCOMES), *days])
    return written.getvalue()


def _say(found: "CancellationReport") -> None:
    from rich import box
    from rich.table import Table

    if not found.total.started:
        say("No cancellation was received in that time.")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("Month", "Reason"):
        table.add_column(heading, no_wrap=heading == "Month", overflow="fold")
    for heading in OUTCOMES:
        table.add_column(heading.capitalize(), justify="right", no_wrap=True)
    for row in found.rows:
        table.add_row(row.month, row.reason_code or NO_REASON, *_numbers(row))
    table.add_section()
    table.add_row("All", "", *_numbers(found.total))
    console.print(table)
    if found.total.days:
        _say_days(found.total.days)


def _say_days(stays: "dict[Stage, StageDays]") -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Days at the stage")
    for heading in ("Median", "Mean", "Cases that left it"):
        table.add_column(heading, justify="right")
    for stage, stay in stays.items():
        table.add_row(stage, f"{stay.median:.1f}", f"{stay.mean:.1f}", str(stay.cases))
    console.print(table)


def _numbers(row: "ReportRow") -> list[str]:
    return [str(getattr(row, name)) for name in OUTCOMES]

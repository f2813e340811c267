"""``offramp reconcile``: the comparison of records, workflows and copies of data, on request."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from starter.cli.output import REFUSED, JsonOption, print_json, say
from starter.cli.service import RequestIdOption, with_service

if TYPE_CHECKING:
    from contract import ReconciliationReport


def reconcile(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report what is found, and change nothing.")] = False,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare records, workflows and copies of data: start again what is missing, remove what must be gone, name the rest.

    Exit status 1 says that something is left that the records do not settle, or that a dry run found something.
    """
    report = with_service(
        lambda service: service.reconciliation.reconcile(dry_run=dry_run, request_id=request_id),
        as_json=as_json,
        what="Comparing records, workflows and copies",
    )
    if as_json:
        print_json(report)
    else:
        _say(report)
    if not report.agrees:
        raise typer.Exit(REFUSED)


def _say(report: "ReconciliationReport") -> None:
    for finding in report.findings:
        say(escape(finding.words), first="  - ")
    if report.found > len(report.findings):
        say(f"and {report.found - len(report.findings)} more", first="  - ")
    if not report.found:
        say(f"[bold green]Everything agrees[/]: {report.looked_at} looked at.")
    elif report.dry_run:
        say(f"[bold yellow]{report.found} found[/], nothing changed: {report.looked_at} looked at.")
    else:
        left = report.found - report.mended
        colour = "red" if left else "green"
        say(f"[bold {colour}]{report.mended} mended, {left} left[/]: {report.looked_at} looked at.")

"""``offramp billing``: what invoice runs posted, line by line."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from domain.civil_dates import count_text, day_text
from domain.refusals import ForwardedRefusal, RefusalDetails
from starter.cli.documents import content_of, document_argument
from starter.cli.output import REFUSED, JsonOption, print_json, say
from starter.cli.remedies import operators_text
from starter.cli.service import ActorOption, with_records

if TYPE_CHECKING:
    from records.billing import BillingReport, EntryReport

billing_app = typer.Typer(help="Report what invoice runs posted.", no_args_is_help=True)


@billing_app.command("import")
def import_(
    file: Annotated[Path, document_argument("docs/billing-format.md")],
    actor: ActorOption,
    as_json: JsonOption = False,
) -> None:
    """Import a document of a billing feed, each line for itself; exit status 1 if any of them was refused."""
    content, document = content_of(file)
    report = with_records(lambda service: service.billing.load(content, actor=actor, document=document))
    if as_json:
        print_json(report)
    else:
        _show(report)
    if report.refused:
        raise typer.Exit(REFUSED)


@billing_app.callback()
def billing() -> None:
    """Hold the group together while there is one command."""


def _show(report: "BillingReport") -> None:
    say(
        f"Billing document {report.sequence} of {report.source}, {count_text(len(report.lines) + report.not_shown, 'line')}: "
        f"[bold]{report.taken} taken[/], {report.unchanged} unchanged, {report.outdated} outdated, {report.refused} refused."
    )
    for line in report.lines:
        if line.result == "taken":
            say(_taken(line), first="  - ")
        for problem in line.problems:
            refusal = ForwardedRefusal(RefusalDetails.model_validate(problem.model_dump(exclude={"path"})))
            of = f"{line.line}, " if line.line else ""
            said = escape(f"{of}{problem.path}: {operators_text(refusal)} ({problem.code})")
            say(f"[bold red]Refused[/] {said}", first="  - ")
    if report.not_shown:
        say(f"and {count_text(report.not_shown, 'more line')} refused, not shown")


def _taken(line: "EntryReport") -> str:
    posted = f"{', '.join(line.posted)}; " if line.posted else ""
    billed = (
        "not billed yet" if line.next_billing_date is None else f"next billing date {day_text(line.next_billing_date)}"
    )
    return escape(f"{line.line}: {posted}{billed}")

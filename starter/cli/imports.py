"""``offramp import``: organizations, contracts, subscriptions and their lines from a JSON document."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.table import Table

from starter.cli.documents import content_of, document_argument
from starter.cli.output import JsonOption, console, print_json, say
from starter.cli.service import ActorOption, with_records

if TYPE_CHECKING:
    from records.imports import ImportReport


def import_(
    file: Annotated[Path, document_argument("docs/import-format.md")],
    actor: ActorOption,
    as_json: JsonOption = False,
) -> None:
    """Import organizations, subscriptions, contracts and lines: all of the document, or nothing."""
    content, source = content_of(file)
    report = with_records(lambda service: service.imports.load(content, actor=actor, source=source))
    if as_json:
        print_json(report)
    else:
        _show(report)


def _show(report: "ImportReport") -> None:
    total = report.total
    say(f"[bold green]Imported[/]: {total.created} created, {total.changed} changed, {total.unchanged} unchanged.")
    table = Table("", "created", "changed", "unchanged", box=None)
    for kind, counts in report.kinds.items():
        if counts.created or counts.changed or counts.unchanged:
            numbers = (counts.created, counts.changed, counts.unchanged)
            table.add_row(kind.replace("_", " "), *map(str, numbers))
    console.print(table)

"""``offramp import``: organizations, contracts, subscriptions and their lines from a JSON document."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from starter.cli.output import JsonOption, console, print_json, say
from starter.cli.service import ActorOption, with_records

if TYPE_CHECKING:
    from records.imports import ImportReport


def import_(
    file: Annotated[
        Path,
        typer.Argument(help="The document (docs/import-format.md), or - for standard input.", allow_dash=True),
    ],
    actor: ActorOption,
    as_json: JsonOption = False,
) -> None:
    """Import organizations, subscriptions, contracts and lines: all of the document, or nothing."""
    stdin = str(file) == "-"
    content = sys.stdin.buffer.read() if stdin else _content(file)
    source = "standard input" if stdin else file.name
    report = with_records(lambda service: service.imports.load(content, actor=actor, source=source))
    if as_json:
        print_json(report)
    else:
        _show(report)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise typer.BadParameter(f"{file} does not exist", param_hint="FILE") from None
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint="FILE") from None


def _show(report: "ImportReport") -> None:
    total = report.total
    say(f"[bold green]Imported[/]: {total.created} created, {total.changed} changed, {total.unchanged} unchanged.")
    table = Table("", "created", "changed", "unchanged", box=None)
    for kind, counts in report.kinds.items():
        if counts.created or counts.changed or counts.unchanged:
            numbers = (counts.created, counts.changed, counts.unchanged)
            table.add_row(kind.replace("_", " "), *map(str, numbers))
    console.print(table)

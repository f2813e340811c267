"""``offramp import``: organizations, contracts, subscriptions and their lines from a JSON document."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from rich.table import Table

from domain.vocabulary import Actor
from starter.cli.output import JsonOption, console, print_json
from starter.cli.service import ActorOption, database
from storage.importing import ImportReport, import_content

_ACTOR: TypeAdapter[str] = TypeAdapter(Actor)


def import_(
    file: Annotated[
        Path,
        typer.Argument(help="The document (docs/import-format.md), or - for standard input.", allow_dash=True),
    ],
    actor: ActorOption,
    as_json: JsonOption = False,
) -> None:
    """Import organizations, subscriptions, contracts and lines: all of the document, or nothing."""
    actor = _actor(actor)
    stdin = str(file) == "-"
    content = sys.stdin.buffer.read() if stdin else _content(file)
    with database() as engine:
        report = import_content(
            engine,
            content,
            actor=actor,
            at=datetime.now(UTC),
            source="standard input" if stdin else file.name,
        )
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


def _actor(given: str) -> str:
    try:
        return _ACTOR.validate_python(given)
    except ValidationError:
        raise typer.BadParameter("1 to 100 characters and no e-mail address", param_hint="--actor") from None


def _show(report: ImportReport) -> None:
    total = report.total
    console.print(
        f"[bold green]Imported[/]: {total.created} created, {total.changed} changed, {total.unchanged} unchanged.",
        highlight=False,
    )
    table = Table("", "created", "changed", "unchanged", box=None)
    for kind, counts in report.kinds.items():
        if counts.created or counts.changed or counts.unchanged:
            numbers = (counts.created, counts.changed, counts.unchanged)
            table.add_row(kind.replace("_", " "), *map(str, numbers))
    console.print(table)

"""``offramp export verify``: the comparison of a download with what was exported."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from starter.cli.output import REFUSED, JsonOption, error_console, print_json, say

if TYPE_CHECKING:
    from activities.export import Verification

_SHOWN = 20


def verify(
    directory: Annotated[
        Path, typer.Argument(metavar="DIRECTORY", exists=True, file_okay=False, help="The directory with the files.")
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Check downloaded files against their manifest: none missing, changed or damaged, and none too many.

    Needs no service. Exit status 1 if something is wrong with a file, or with the manifest itself.
    """
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from activities.export.verification import load_manifest, verify_download

    manifest = load_manifest(directory)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    show = error_console.is_terminal and not as_json
    with Progress(*columns, console=error_console, transient=True, disable=not show) as progress:
        task = progress.add_task("", total=manifest.bytes)
        found = verify_download(
            directory,
            manifest,
            on_bytes=lambda file, size: progress.update(task, advance=size, description=escape(file)),
        )
    if as_json:
        print_json(found)
    else:
        _say(directory, found)
    if not found.complete:
        raise typer.Exit(REFUSED)


def _say(directory: Path, found: "Verification") -> None:
    where = escape(str(directory))
    held = (
        f"{_counted(found.files, 'file')} of {_counted(found.tables, 'table')}, {_counted(found.rows, 'row')}, "
        f"{_counted(found.bytes, 'byte')}"
    )
    if found.complete:
        say(f"[bold green]Complete[/]: {where} holds what was exported: {held}.")
        return
    say(f"[bold red]Not what was exported[/]: {where} should hold {held}.")
    for trouble in found.troubles[:_SHOWN]:
        say(escape(trouble.sentence), first="- ")
    if len(found.troubles) > _SHOWN:
        say(f"and {len(found.troubles) - _SHOWN:,} more; --json lists all of them.", first="- ")
    say("[bold]Way out:[/] download these files again; do not acknowledge the download before all is complete.")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"

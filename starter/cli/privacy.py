"""``offramp privacy``: what is kept about a person."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from starter.cli import values
from starter.cli.output import JsonOption, console, print_json, say
from starter.cli.service import with_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.privacy import Kept

privacy_app = typer.Typer(help="Show what is kept about a person, and until when.", no_args_is_help=True)


@privacy_app.callback()
def privacy() -> None:
    """Show what is kept about a person, and until when."""


@privacy_app.command()
def find(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", parser=values.email, help="An e-mail address of theirs.")
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Look for an address in everything that is kept: imported records, answers, letters, words and the audit trail.

    Temporal's histories hold the same, encrypted, until the namespace's retention is over.
    """
    found = with_records(lambda service: service.privacy.find(address))
    if as_json:
        print_json(found)
    elif found:
        _print(found)
    else:
        say("Nothing is kept about this address.")


_UNTIL = {
    **dict.fromkeys(("organization", "marketing_service", "support_queue"), "another import"),
    "bulk": "after the end of the bulk",
    "webhook_endpoint": "its removal",
}


def _print(found: "Sequence[Kept]") -> None:
    from rich.table import Table

    from domain.words import FOR_AGENTS

    table = Table("Where", "About", box=None)
    table.add_column("Entries", justify="right")
    table.add_column("Kept until")
    for kept in found:
        until = _UNTIL.get(kept.place, "after the end of its case")
        if kept.until is not None:
            until = FOR_AGENTS.instant(kept.until, "UTC")
        held = " or the release of the legal hold" if kept.held else ""
        table.add_row(kept.place.replace("_", " "), escape(kept.about), str(kept.number), f"{until}{held}")
    console.print(table)

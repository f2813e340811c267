"""What every command shares: human output by default, ``--json`` everywhere, and the exit status.

Status 0 is done, 1 is refused with a reason, 2 is a wrong call.
"""

import json
import sys
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape

from domain.errors import Refusal

REFUSED = 1

console = Console()
error_console = Console(stderr=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]


def print_json(value: object) -> None:
    """Print one JSON document to standard output; pydantic models are written by their own rules."""

    def plain(item: object) -> object:
        if isinstance(item, BaseModel):
            return item.model_dump(mode="json")
        return str(item)

    sys.stdout.write(json.dumps(value, default=plain, ensure_ascii=False, indent=2) + "\n")


def print_refusal(refusal: Refusal, *, as_json: bool) -> None:
    """Say what was refused, which rule, and the way out: as JSON on standard output, or as text on standard error."""
    details = refusal.details
    if as_json:
        print_json({"error": details.model_dump(mode="json")})
        return
    # Not `details`: a refusal may have more to say to people than to programs. Escaped: it quotes what people wrote.
    said = escape(refusal.message)
    error_console.print(f"[bold red]Refused[/] ({details.code}): {said}", highlight=False, soft_wrap=True)
    if details.way_out:
        error_console.print(f"[bold]Way out:[/] {escape(details.way_out)}", highlight=False, soft_wrap=True)

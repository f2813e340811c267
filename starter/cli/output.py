"""Output shared by all commands: human by default, ``--json`` everywhere, and the exit status.

Status 0 is done, 1 is refused with a reason, 2 is a wrong call.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.text import Text

from domain.clean_text import escaped, unclean_character
from domain.imports.refusals import ImportMalformed
from domain.refusals import Refusal, RefusalDetails
from domain.remedies import Remedy, RemedyKind
from starter.cli.remedies import operators_text, operators_words

REFUSED = 1
WRONG_CALL = 2

_NARROWEST = 20
_BEYOND_ASCII = re.compile("[\x7f-\U0010ffff]")  # JSON escapes the controls of ASCII by itself, but DEL


class CleanConsole(Console):
    """A console that writes out what would move the cursor, or turn letters round, in text that people wrote."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Return the segments of what is printed; Rich's own controls stay as they are."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(escaped(segment.text), segment.style)


console = CleanConsole(highlight=False)
error_console = CleanConsole(stderr=True, highlight=False)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]


def print_json(value: object) -> None:
    """Print one JSON document to standard output; pydantic models are written by their own rules."""

    def plain(item: object) -> object:
        if isinstance(item, BaseModel):
            return item.model_dump(mode="json")
        return str(item)

    text = _clean_json(json.dumps(value, default=plain, ensure_ascii=False, indent=2))
    # Half a character, quoted from the command line, is written as an escape, which JSON has for it.
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")


def _clean_json(text: str) -> str:
    """Return JSON in which what nobody sees is escaped as JSON does it."""
    return _BEYOND_ASCII.sub(lambda one: json.dumps(one[0])[1:-1] if unclean_character(one[0]) else one[0], text)


def say(markup: str = "", *, first: str = "", rest: str | None = None, to: Console = console) -> None:
    """Print text for people, wrapped between words to the width of the terminal; `escape` text that people wrote.

    The first line begins with ``first``, those after it with ``rest`` (default: as many spaces). Where nobody watches -
    in a pipe, a file, a log - a line stays one line, so that programs find in it what they look for.
    """
    rest = " " * len(first) if rest is None else rest
    text = Text.from_markup(markup)
    wraps = to.is_terminal or bool(os.environ.get("COLUMNS"))
    lines = text.wrap(to, max(to.width - len(rest), _NARROWEST)) if wraps else text.split("\n", allow_blank=True)
    for number, line in enumerate(lines):
        line.rstrip()
        to.print(Text(rest if number else first) + line, soft_wrap=True)


def say_unbroken(text: str, *, first: str = "") -> None:
    """Print a link or a sum on one line, however long, so that a copy from the terminal is complete."""
    console.print(Text(first + text), soft_wrap=True)


@contextmanager
def waiting(what: str, *, as_json: bool) -> Iterator[None]:
    """Show a spinner at a terminal while something is awaited; print nothing elsewhere."""
    if as_json or not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield
        return
    with error_console.status(f"{what} …"):
        yield


def print_refusal(refusal: Refusal, *, as_json: bool) -> None:
    """Print what was refused, by which rule, and the way out: JSON on standard output, or text on standard error."""
    details = refusal.details
    if as_json:
        print_json({"error": details.model_dump(mode="json")})
        return
    said = refusal.listing(operators_text) if isinstance(refusal, ImportMalformed) else refusal.message
    # Escaped: it quotes what people wrote.
    say(f"[bold red]Refused[/] ({details.code}): {escape(said)}", to=error_console)
    if way_out := operators_words(refusal):
        say(f"[bold]Way out:[/] {escape(way_out)}", to=error_console)


def print_wrong_call(message: str) -> None:
    """Print, as JSON on standard output, that a command cannot be called like that."""
    remedy = Remedy.of(RemedyKind.OPERATE, advice="Add --help to see how it is called.")
    wrong = RefusalDetails(code="wrong_call", message=message, way_out=remedy.words, remedy=remedy)
    print_json({"error": wrong.model_dump(mode="json")})

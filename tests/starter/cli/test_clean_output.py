"""What people wrote moves no cursor and turns no letters round at a terminal: not even what is in the records from before."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout

import pytest
from rich.markup import escape
from rich.table import Table

from starter.cli.output import CleanConsole, print_json

ATTACK = "red \x1b[31m\x9b2J turned \u202e\u200b\x07"
SHOWN = "red \\u001b[31m\\u009b2J turned \\u202e\\u200b"


def table(text: str) -> Table:
    shown = Table("Name")
    shown.add_row(escape(text))
    return shown


@pytest.mark.parametrize("made", [escape, table, lambda text: f"[bold]{escape(text)}[/]"])
def test_text_is_written_out_and_styles_stay(made: Callable[[str], object]) -> None:
    file = io.StringIO()
    console = CleanConsole(file=file, width=120, highlight=False, force_terminal=True, color_system="standard")

    console.print(made(ATTACK), soft_wrap=True)

    said = file.getvalue()
    assert SHOWN in said or (made is table and "\\u" in said)  # a cell is as wide as the text was before
    assert not any(character in said for character in ("\x1b[31m", "\x9b", "\u202e", "\u200b", "\x07"))


def test_a_style_of_ours_is_one() -> None:
    file = io.StringIO()
    CleanConsole(file=file, force_terminal=True, color_system="standard").print("[red]ours[/]")
    assert "\x1b[31mours\x1b[0m" in file.getvalue()


def test_json_has_the_same_content_without_them() -> None:
    file = io.StringIO()
    with redirect_stdout(file):
        print_json({"reason": ATTACK, "name": "Müller 株式会社"})

    said = file.getvalue()
    assert json.loads(said) == {"reason": ATTACK, "name": "Müller 株式会社"}
    assert "Müller 株式会社" in said
    assert not any(character in said for character in ("\x1b", "\x9b", "\u202e", "\u200b", "\x07"))

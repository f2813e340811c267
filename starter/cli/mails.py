"""``offramp mails``: the mails that the local stack's mail catcher caught."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from starter.cli.output import JsonOption, console, print_json, say
from starter.local.data_directory import DataDirectory, chosen_data_directory
from starter.local.mails import find_mail, list_mails


class ListUnlessNamed(typer.core.TyperGroup):
    """A group whose ``list`` is meant when no command is named: ``offramp mails 5`` is ``offramp mails list 5``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the command where it was left out."""
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


mails_app = typer.Typer(
    cls=ListUnlessNamed, help="Read the mails that the local mail catcher caught: [N], or show NUMBER."
)


@mails_app.command("list")
def list_command(
    newest: Annotated[int, typer.Argument(metavar="N", min=1, help="The number of newest mails to list.")] = 20,
    *,
    as_json: JsonOption = False,
) -> None:
    """List the newest mails."""
    caught = list_mails(_directory())
    shown = caught[-newest:]
    if as_json:
        print_json([mail.model_dump(mode="json", exclude={"text"}) for mail in shown])
        return
    if not shown:
        say(f"No mail was caught yet in {escape(str(_directory()))}.")
        return
    say(f"{len(shown)} of {len(caught)} mails; times in UTC. To read one: [cyan]offramp mails show NUMBER[/]")
    for mail in shown:
        repeats = f" [yellow](repeats {mail.repeats})[/]" if mail.repeats else ""
        number = f"{mail.number:>4}  "
        say(f"{mail.received_at:%Y-%m-%d %H:%M:%S}  {escape(', '.join(mail.recipients))}{repeats}", first=number)
        say(f"[bold]{escape(mail.subject)}[/]", first=" " * len(number))


@mails_app.command("show")
def show_command(
    number: Annotated[int, typer.Argument(help="The number of the mail, as listed.")], *, as_json: JsonOption = False
) -> None:
    """Print one mail."""
    mail = find_mail(_directory(), number)
    if as_json:
        print_json(mail)
        return
    for name, value in (("From", mail.sender), ("To", ", ".join(mail.recipients)), ("Subject", mail.subject)):
        say(escape(value), first=f"{name}: ")
    console.print(f"\n{escape(mail.text)}", highlight=False, soft_wrap=True)


def _directory() -> Path:
    return DataDirectory(chosen_data_directory()).mails

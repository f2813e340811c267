"""The ``offramp`` console script."""

import sys
from typing import NoReturn

import typer

from domain.errors import Refusal
from starter.cli.cancellations import cancellations_app
from starter.cli.credit_memos import credit_memos_app
from starter.cli.dates import dates_app
from starter.cli.importing import import_
from starter.cli.mails import mails_app
from starter.cli.output import REFUSED, print_refusal
from starter.cli.quote import quote_command
from starter.cli.setup import setup
from starter.cli.up import up
from starter.leaving import leave
from starter.local.environment import load_local_environment

app = typer.Typer(
    name="offramp",
    help="Durable subscription cancellations: from the request to the end of the reversal window.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def offramp(context: typer.Context) -> None:
    """Reach the local stack, if one runs here and the environment names no other installation."""
    if context.invoked_subcommand != "up":
        load_local_environment()


app.command()(up)
app.command()(setup)
app.command("quote")(quote_command)
app.command("import")(import_)
app.add_typer(cancellations_app, name="cancellations")
app.add_typer(credit_memos_app, name="credit-memos")
app.add_typer(mails_app, name="mails")
app.add_typer(dates_app, name="dates")


def main() -> None:
    """Run the command line; a refusal becomes a sentence and exit status 1, never a stack trace."""
    try:
        app()
    except Refusal as refusal:
        print_refusal(refusal, as_json="--json" in sys.argv)
        raise SystemExit(REFUSED) from None


def console_script() -> NoReturn:
    """Run the command line as a process of its own, and end it with the command's status."""
    try:
        main()
    except SystemExit as ended:
        leave(ended.code if isinstance(ended.code, int) else 0)
    leave(0)

"""The ``offramp`` console script."""

import sys

import typer

from domain.errors import Refusal
from starter.cli.dates import dates_app
from starter.cli.output import REFUSED, print_refusal

app = typer.Typer(
    name="offramp",
    help="Durable subscription cancellations: from the request to the end of the reversal window.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(dates_app, name="dates")


@app.callback()
def offramp() -> None:
    """Hold the groups of commands together, also while there is only one."""


def main() -> None:
    """Run the command line; a refusal becomes a sentence and exit status 1, never a stack trace."""
    try:
        app()
    except Refusal as refusal:
        print_refusal(refusal, as_json="--json" in sys.argv)
        raise SystemExit(REFUSED) from None

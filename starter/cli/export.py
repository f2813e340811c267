"""``offramp export``: the export of an organization's data."""

import typer

from starter.cli.export_verify import verify

export_app = typer.Typer(help="The export of an organization's data.", no_args_is_help=True)

export_app.command()(verify)


@export_app.callback()
def export() -> None:
    """Keep the group a group while it has one command."""

"""``offramp tenants``: the organizations' data - its schemas, their sizes, and samples."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from starter.cli import values
from starter.cli.output import JsonOption, console, print_json, say, waiting
from starter.cli.service import with_records

if TYPE_CHECKING:
    from starter.service.tenants import TenantSchema

tenants_app = typer.Typer(help="List the organizations' data, and make samples of it.", no_args_is_help=True)

_LARGEST_SAMPLE = 100_000_000


@tenants_app.command("list")
def list_(*, as_json: JsonOption = False) -> None:
    """List the organizations that have data: the schema, its tables, roughly how many rows, and the size on disk."""
    found = with_records(lambda service: service.tenants.list(), tenants=True)
    if as_json:
        print_json(found)
    elif found:
        _print_schemas(found)
    else:
        say("No organization has a data_schema.")


@tenants_app.command()
def sample(
    organization: Annotated[
        str, typer.Argument(metavar="ORGANIZATION", parser=values.identifier, help="The organization's id.")
    ],
    *,
    rows: Annotated[
        int, typer.Option("--rows", min=1, max=_LARGEST_SAMPLE, help="Rows of the largest table; the others follow it.")
    ] = 10_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed makes the same data.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Fill the schema of an organization with sample data, unless it has been filled before."""
    with waiting("Making the sample", as_json=as_json):
        made = with_records(lambda service: service.tenants.sample(organization, rows=rows, seed=seed), tenants=True)
    if as_json:
        print_json(made)
        return
    done = "[bold green]Made[/]" if made.created else "Was made before and is left as it is"
    say(f"{done}: sample data of {organization} in schema [bold]{escape(made.name)}[/], {made.rows:,} rows in its largest "
        f"table, seed {made.seed}.")  # fmt: skip


def _print_schemas(found: "Sequence[TenantSchema]") -> None:
    from rich.filesize import decimal
    from rich.table import Table

    table = Table("Organization", "Schema", box=None)
    for heading in ("Tables", "Rows, about", "Size"):
        table.add_column(heading, justify="right")
    for schema in found:
        numbers = (str(schema.tables), f"{schema.estimated_rows:,}", decimal(schema.bytes))
        missing = ("", "", "[yellow]does not exist[/]")
        table.add_row(schema.organization, escape(schema.name), *(numbers if schema.exists else missing))
    console.print(table)

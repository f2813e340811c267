"""``offramp tenants``: the organizations' data - where it is, how much it is, and a sample of it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from starter.cli import values
from starter.cli.output import JsonOption, console, print_json, say, waiting
from starter.cli.service import database

if TYPE_CHECKING:
    from storage.tenants.database import TenantDatabase

tenants_app = typer.Typer(help="The organizations' data, a schema for each.", no_args_is_help=True)

_LARGEST_SAMPLE = 100_000_000


@tenants_app.command("list")
def list_(*, as_json: JsonOption = False) -> None:
    """List the organizations that have data: the schema, its tables, about how many rows, and the size on disk."""
    from sqlalchemy.orm import Session

    from storage.tenants.catalog import exists, tables_of
    from storage.tenants.organizations import organizations_with_data

    with database() as engine, Session(engine) as session:
        schemas = organizations_with_data(session)
    found = []
    with _tenant_database().writing() as connection:
        for organization, schema in schemas.items():
            tables = tables_of(connection, schema)
            found.append(
                {
                    "organization": organization,
                    "schema": schema,
                    "exists": exists(connection, schema),
                    "tables": len(tables),
                    "estimated_rows": sum(table.estimated_rows for table in tables),
                    "bytes": sum(table.bytes for table in tables),
                }
            )
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
    """Fill the schema of an organization with sample data, unless that was done before."""
    from sqlalchemy.orm import Session

    from storage.tenants.organizations import data_schema_of
    from storage.tenants.sample import generate

    with database() as engine, Session(engine) as session:
        schema = data_schema_of(session, organization)
    tenants = _tenant_database()
    with waiting("Making the sample", as_json=as_json), tenants.writing() as connection:
        made = generate(connection, schema, rows=rows, seed=seed, role=tenants.reader_role)
    if as_json:
        print_json({"organization": organization, "schema": schema, "rows": made.rows, "seed": made.seed,
                    "created": made.created})  # fmt: skip
        return
    done = "[bold green]Made[/]" if made.created else "Was made before and is left as it is"
    say(f"{done}: sample data of {organization} in schema [bold]{escape(schema)}[/], {made.rows:,} rows in its largest "
        f"table, seed {made.seed}.")  # fmt: skip


def _tenant_database() -> "TenantDatabase":
    from storage.tenants.database import TenantDatabase, TenantDatabaseSettings

    return TenantDatabase(TenantDatabaseSettings())


def _print_schemas(found: list[dict[str, Any]]) -> None:
    from rich.filesize import decimal
    from rich.table import Table

    table = Table("Organization", "Schema", box=None)
    for heading in ("Tables", "Rows, about", "Size"):
        table.add_column(heading, justify="right")
    for row in found:
        numbers = (str(row["tables"]), f"{row['estimated_rows']:,}", decimal(row["bytes"]))
        missing = ("", "", "[yellow]does not exist[/]")
        table.add_row(row["organization"], escape(row["schema"]), *(numbers if row["exists"] else missing))
    console.print(table)

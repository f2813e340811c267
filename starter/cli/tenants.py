"""``offramp tenants``: the organizations' data - its schemas, their sizes, logins and code, and samples."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from starter.cli import values
from starter.cli.output import JsonOption, console, print_json, say, waiting
from starter.cli.service import ActorOption, OrganizationArgument, with_records

if TYPE_CHECKING:
    from starter.service.tenants import TenantSchema

tenants_app = typer.Typer(
    help="List the organizations' data, prepare and review its schemas, and make samples of it.", no_args_is_help=True
)


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
    organization: OrganizationArgument,
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


@tenants_app.command()
def prepare(organization: OrganizationArgument, *, as_json: JsonOption = False) -> None:
    """Prepare an organization's schema: an owner that owns nothing else, and the login as which its data is read.

    For an administrator of that database, as whom OFFRAMP_TENANT_ADMINISTRATOR_URL logs in. Run it again after a change of
    the secret of the logins.
    """
    made = with_records(lambda service: service.tenants.prepare(organization), tenants=True)
    if as_json:
        print_json(made)
        return
    owners = ", ".join(escape(owner) for owner in made.owners)
    say(f"[bold green]Prepared[/]: schema [bold]{escape(made.name)}[/] of {organization} belongs to {owners}, and is read "
        f"and erased as {escape(made.login)}.")  # fmt: skip


@tenants_app.command()
def code(organization: OrganizationArgument, *, as_json: JsonOption = False) -> None:
    """Show the code of its own that an organization's schema calls; looked at by a user without rights on any data."""
    found = with_records(lambda service: service.tenants.code(organization), tenants=True)
    if as_json:
        print_json(found)
        return
    if not found.calls:
        say(f"Schema [bold]{escape(found.name)}[/] of {organization} calls nothing but PostgreSQL's own functions.")
        return
    for call in found.calls:
        say(escape(call))
    for name, source in found.functions.items():
        say(f"\n[bold]{escape(name)}[/]\n{escape(source.strip())}")
    state = "[bold green]was reviewed[/]" if found.reviewed else "[yellow]was not reviewed[/]"
    say(f"\nThis code {state}; its digest is {found.digest}.")


@tenants_app.command()
def review(
    organization: OrganizationArgument,
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="The digest of the code that was looked at.")],
    *,
    reason: Annotated[
        str, typer.Option("--reason", parser=values.reason, metavar="REASON", help="The reason why it may run.")
    ],
    actor: ActorOption,
    as_json: JsonOption = False,
) -> None:
    """Record that the code of an organization's schema was looked at, and may run; the same code anywhere is reviewed then."""
    done = with_records(
        lambda service: service.tenants.review(organization, digest, actor=actor, reason=reason), tenants=True
    )
    if as_json:
        print_json(done)
        return
    say(f"[bold green]Reviewed[/] by {escape(done.reviewed_by)}. An export, transfer or erasure that waited for it "
        "continues by itself.")  # fmt: skip


def _print_schemas(found: "Sequence[TenantSchema]") -> None:
    from rich.filesize import decimal
    from rich.table import Table

    table = Table("Organization", "Schema", box=None)
    for heading in ("Tables", "Rows, about", "Size"):
        table.add_column(heading, justify="right")
    for schema in found:
        numbers = (str(schema.tables), f"{schema.estimated_rows:,}", decimal(schema.bytes))
        if not schema.exists or schema.busy:
            numbers = ("", "", "[yellow]is locked by somebody[/]" if schema.busy else "[yellow]does not exist[/]")
        table.add_row(schema.organization, escape(schema.name), *numbers)
    console.print(table)

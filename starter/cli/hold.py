"""``offramp hold``: keep an organization's data from being erased, and let it go again."""

from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer
from rich.markup import escape

from starter.cli import values
from starter.cli.output import JsonOption, print_json, say
from starter.cli.service import ActorOption, RequestIdOption, database, with_holds

if TYPE_CHECKING:
    from records.legal_holds import Hold

hold_app = typer.Typer(help="Keep an organization's data from being erased.", no_args_is_help=True)

OrganizationArgument = Annotated[
    str, typer.Argument(metavar="ORGANIZATION", parser=values.identifier, help="The organization's id.")
]
ReasonOption = Annotated[
    str, typer.Option("--reason", parser=values.reason, metavar="REASON", help="Why, for the audit trail.")
]


@hold_app.command()
def place(
    organization: OrganizationArgument,
    *,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Place a hold: nothing of the organization's data is erased until the last hold is released."""
    hold = with_holds(
        lambda client: client.place(organization, reason=reason, actor=actor, request_id=request_id or str(uuid4())),
        as_json=as_json,
    )
    _say(hold, as_json=as_json)


@hold_app.command()
def release(
    hold: Annotated[int, typer.Argument(metavar="HOLD", help="The number of the hold.")],
    *,
    reason: ReasonOption,
    actor: ActorOption,
    as_json: JsonOption = False,
) -> None:
    """Release a hold; an erasure that waited for it goes on by itself."""
    _say(with_holds(lambda client: client.release(hold, reason=reason, actor=actor), as_json=as_json), as_json=as_json)


@hold_app.command("list")
def list_(
    *,
    organization: Annotated[
        str | None,
        typer.Option("--organization", parser=values.identifier, metavar="ID", help="Only of this organization."),
    ] = None,
    released: Annotated[bool, typer.Option("--released", help="Also those that are released.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List holds, oldest first."""
    from sqlalchemy.orm import Session

    from records.legal_holds import holds

    with database() as engine, Session(engine) as session:
        found = holds(session, organization=organization, released=released)
    if as_json:
        print_json(found)
        return
    for hold in found:
        _say(hold, as_json=False)
    if not found:
        say("No hold is in force." if not released else "There is no hold.")


def _say(hold: "Hold", *, as_json: bool) -> None:
    from domain.words import FOR_AGENTS

    if as_json:
        print_json(hold)
        return
    placed = f"placed by {escape(hold.placed_by)} on {FOR_AGENTS.instant(hold.placed_at, 'UTC')}: {escape(hold.reason)}"
    say(f"Hold [bold]{hold.id}[/] on {hold.organization}, {placed}")
    if hold.released_at is not None:
        released = f"{escape(hold.released_by or '')} on {FOR_AGENTS.instant(hold.released_at, 'UTC')}"
        say(f"released by {released}: {escape(hold.release_reason or '')}", first="  ")

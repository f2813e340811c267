"""``offramp hold``: legal holds, under which an organization's data is not erased."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from starter.cli import values
from starter.cli.output import JsonOption, print_json, say
from starter.cli.service import (
    ActorOption,
    OrganizationArgument,
    ReasonOption,
    RequestIdOption,
    with_records,
    with_service,
)

if TYPE_CHECKING:
    from records.legal_holds import Hold

hold_app = typer.Typer(
    help="Place, release and list legal holds, under which data is not erased.", no_args_is_help=True
)


@hold_app.command()
def place(
    organization: OrganizationArgument,
    *,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Place a legal hold: nothing of the organization's data is erased until the last hold is released."""
    hold = with_records(
        lambda service: service.holds.place(organization, reason=reason, actor=actor, request_id=request_id)
    )
    _say(hold, as_json=as_json)


@hold_app.command()
def release(
    hold: Annotated[int, typer.Argument(metavar="HOLD", help="The number of the legal hold.")],
    *,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release a legal hold; an erasure that waited for it continues by itself."""
    released = with_service(
        lambda service: service.holds.release(hold, reason=reason, actor=actor, request_id=request_id), as_json=as_json
    )
    _say(released, as_json=as_json)


@hold_app.command("list")
def list_(
    *,
    organization: Annotated[
        str | None,
        typer.Option("--organization", parser=values.identifier, metavar="ID", help="Only those of this organization."),
    ] = None,
    released: Annotated[bool, typer.Option("--released", help="Include released ones.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List legal holds, oldest first."""
    found = with_records(lambda service: service.holds.list(organization=organization, released=released))
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

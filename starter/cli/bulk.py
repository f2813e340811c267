"""``offramp bulk``: bulk cancellations as they are looked at, confirmed, stopped, resumed and killed."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from domain.bulk import BulkState, RowState
from starter.cli import values
from starter.cli.bulk_progress import NoWaitOption, leave, watched
from starter.cli.bulk_text import (
    print_bulks,
    print_rows,
    rows_as_csv,
    say_bulk,
    say_switch,
)
from starter.cli.output import JsonOption, print_json
from starter.cli.service import ActorOption, ReasonOption, RequestIdOption, with_records, with_service

if TYPE_CHECKING:
    from records.bulk.lists import BulkRowView, BulkStatus
    from starter.service import Offramp

bulk_app = typer.Typer(help="Look at bulk cancellations, confirm, stop, resume and kill them.", no_args_is_help=True)

_PAGE = 1_000
BulkArgument = Annotated[str, typer.Argument(metavar="BULK", help="The bulk's id, as in bulk-1f0c2a9d3b4e5f60.")]


class Switch(StrEnum):
    """What can be done with the kill switch."""

    SHOW = "show"
    OFF = "off"
    ON = "on"


@bulk_app.command("list")
def list_(
    *,
    state: Annotated[
        list[BulkState] | None, typer.Option("--state", help="Any of these; all, if none is given.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 100,
    after: Annotated[str | None, typer.Option("--after", metavar="BULK", help="The last bulk of the page before.")] = None,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """List bulks, the last planned first."""
    found = with_records(lambda service: service.bulk.list(states=state or (), after=after, limit=limit))
    if as_json:
        print_json(found)
    else:
        print_bulks(found)


@bulk_app.command()
def show(
    bulk: BulkArgument,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Watch how far it is, until it ends or is stopped.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a plan would cost, and how far it is."""

    async def shown(service: "Offramp") -> "BulkStatus":
        status = await service.bulk.status(bulk)
        return await watched(service, status, show=not as_json) if watch else status

    _print(with_records(shown), as_json=as_json)


@bulk_app.command()
def rows(
    bulk: BulkArgument,
    *,
    state: Annotated[
        list[RowState] | None, typer.Option("--state", help="Any of these; all, if none is given.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for a spreadsheet.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List every row with what the plan shows of it, and its result."""

    async def every(service: "Offramp") -> "list[BulkRowView]":
        found: list[BulkRowView] = []
        after: int | None = 0
        while after is not None:
            page = await service.bulk.rows(bulk, states=state or (), shows_content=True, after=after, limit=_PAGE)
            found += page.rows
            after = page.next
        return found

    found = with_records(every)
    if as_json:
        print_json(found)
    elif as_csv:
        typer.echo(rows_as_csv(found), nl=False)
    else:
        print_rows(found)


@bulk_app.command()
def confirm(
    bulk: BulkArgument,
    *,
    digest: Annotated[str, typer.Option("--digest", metavar="DIGEST", help="The plan that you confirm, as `show` names it.")],
    no_wait: NoWaitOption = False,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Confirm a plan exactly as it was shown, and watch it being carried out; Ctrl-C leaves it running."""

    async def confirmed(service: "Offramp") -> "BulkStatus":
        status = await service.bulk.confirm(bulk, digest=digest, reason=reason, actor=actor, request_id=request_id)
        return status if no_wait else await watched(service, status, show=not as_json)

    status = with_service(confirmed, as_json=True)
    _print(status, as_json=as_json)
    leave(status)


@bulk_app.command()
def stop(
    bulk: BulkArgument,
    *,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start nothing more until it is resumed; what is under way gets its result. It needs no Temporal."""
    status = with_records(lambda service: service.bulk.stop(bulk, reason=reason, actor=actor, request_id=request_id))
    _print(status, as_json=as_json)


@bulk_app.command()
def resume(
    bulk: BulkArgument,
    *,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with a bulk that was stopped, or whose workflow is gone."""
    status = with_service(
        lambda s: s.bulk.resume(bulk, reason=reason, actor=actor, request_id=request_id), as_json=as_json
    )
    _print(status, as_json=as_json)


@bulk_app.command()
def kill(
    bulk: BulkArgument,
    *,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a bulk for good; nothing more is started. It needs no Temporal."""
    status = with_records(lambda service: service.bulk.kill(bulk, reason=reason, actor=actor, request_id=request_id))
    _print(status, as_json=as_json)


@bulk_app.command("kill-switch")
def kill_switch(
    to: Annotated[Switch, typer.Argument(help="`off`: no bulk of the installation starts anything.")] = Switch.SHOW,
    *,
    reason: Annotated[
        str | None, typer.Option("--reason", parser=values.reason, metavar="REASON", help="The reason, for the audit trail.")
    ] = None,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Show the kill switch, or let no bulk of the whole installation start anything. It needs no Temporal."""
    if to is not Switch.SHOW and reason is None:
        raise typer.BadParameter("--reason says why, for the audit trail.")
    if to is Switch.SHOW:
        switch = with_records(lambda service: service.bulk.switch())
    else:
        switch = with_records(
            lambda service: service.bulk.set_switch(
                off=to is Switch.OFF, reason=str(reason), actor=actor, request_id=request_id
            )
        )
    if as_json:
        print_json(switch)
    else:
        say_switch(switch)


def _print(status: "BulkStatus", *, as_json: bool) -> None:
    if as_json:
        print_json(status)
    else:
        say_bulk(status)

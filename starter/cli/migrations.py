"""``offramp migrations``: accept, watch, correct and finish on-premises migrations."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from domain.migration import MigrationStage
from starter.cli import values
from starter.cli.output import JsonOption, print_json, say, say_unbroken
from starter.cli.receipt import ChannelOption, ReceivedAtOption, ReceivedBecauseOption, stated_receipt
from starter.cli.service import (
    ActorOption,
    CancellationOption,
    ReasonOption,
    RequestIdOption,
    SubscriptionArgument,
    with_records,
    with_service,
)

if TYPE_CHECKING:  # what reaches the service is loaded by the commands that do
    from contract import MigrationStatus

migrations_app = typer.Typer(help="Accept, watch, correct and finish on-premises migrations.", no_args_is_help=True)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a time. Write 2026-12-01T18:00 in the organization's zone, or 2026-12-01T18:00+01:00."
        ) from None


ContactOption = Annotated[
    str,
    typer.Option("--contact", parser=values.email, metavar="E-MAIL", help="The IT department's address."),
]
OptionalContact = Annotated[
    str | None,
    typer.Option("--contact", parser=values.email, metavar="E-MAIL", help="The correct address of the IT department."),
]
TimeOption = Annotated[
    datetime,
    typer.Option("--transfer-at", parser=_moment, metavar="TIME", show_default=False,
                 help="The time of the transfer: 2026-12-01T18:00 in the organization's zone, or with an offset."),
]  # fmt: skip
OptionalTime = Annotated[
    datetime | None,
    typer.Option("--transfer-at", parser=_moment, metavar="TIME", show_default=False, help="Another time."),
]


@migrations_app.command("list")
def list_command(
    *,
    stage: Annotated[MigrationStage | None, typer.Option("--stage", help="Only those at this stage.")] = None,
    queue: Annotated[str | None, typer.Option("--queue", metavar="NAME", help="Only those of this queue.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=10_000)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List migrations, newest first."""
    from starter.cli.migration_text import say_migrations

    found = with_records(lambda service: service.migrations.list(stage=stage, queue=queue, limit=limit))
    if as_json:
        print_json(found)
    else:
        say_migrations(found)


@migrations_app.command()
def show(subscription: SubscriptionArgument, *, as_json: JsonOption = False) -> None:
    """Show the newest migration of a subscription: its stage, who must act, and what blocks it."""
    from starter.cli.migration_text import say_migration

    view = with_service(lambda service: service.migrations.status(subscription), as_json=as_json)
    if as_json:
        print_json(view)
    else:
        say_migration(view)


@migrations_app.command()
def accept(
    subscription: SubscriptionArgument,
    *,
    contact: ContactOption,
    transfer_at: TimeOption,
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept a request: name the address to notify, and the time of the transfer."""
    status = with_service(
        lambda service: service.migrations.accept(
            subscription,
            contact=contact,
            transfer_at=transfer_at,
            actor=actor,
            cancellation=cancellation,
            request_id=request_id,
        ),
        as_json=as_json,
    )
    _show(status, as_json=as_json)


@migrations_app.command()
def correct(
    subscription: SubscriptionArgument,
    *,
    contact: OptionalContact = None,
    transfer_at: OptionalTime = None,
    transfer_again: Annotated[
        bool, typer.Option("--transfer-again", help="Remove what was transferred, and transfer the data again.")
    ] = False,
    reason: ReasonOption,
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Correct a wrong address, name another time, or have the data transferred again."""
    if contact is None and transfer_at is None and not transfer_again:
        raise typer.BadParameter("Give --contact, --transfer-at or --transfer-again.")
    status = with_service(
        lambda service: service.migrations.correct(
            subscription,
            reason=reason,
            actor=actor,
            contact=contact,
            transfer_at=transfer_at,
            transfer_again=transfer_again,
            cancellation=cancellation,
            request_id=request_id,
        ),
        as_json=as_json,
    )
    _show(status, as_json=as_json)


@migrations_app.command()
def renew(
    subscription: SubscriptionArgument,
    *,
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Mail a fresh link, to the IT department only."""
    status = with_service(
        lambda service: service.migrations.renew_link(
            subscription, actor=actor, cancellation=cancellation, request_id=request_id
        ),
        as_json=as_json,
    )
    _show(status, as_json=as_json)


@migrations_app.command()
def links(subscription: SubscriptionArgument, *, as_json: JsonOption = False) -> None:
    """Print a link to the manifest and one to the dump. Each works for 15 minutes, for anyone who has it."""
    found = with_records(lambda service: service.migrations.links(subscription), files=True)
    if as_json:
        print_json(found)
        return
    for file in found:
        say(escape(file.name))
        say_unbroken(file.link)


@migrations_app.command()
def acknowledge(
    subscription: SubscriptionArgument,
    *,
    cancellation: Annotated[
        str | None,
        typer.Option(
            "--cancellation",
            parser=values.cancellation,
            metavar="ID",
            help="The cancellation whose data was downloaded; default: the newest.",
        ),
    ] = None,
    transfer: Annotated[
        int | None,
        typer.Option("--transfer", metavar="N", min=1, help="The number of the transfer; default: the newest."),
    ] = None,
    received_at: ReceivedAtOption = None,
    channel: ChannelOption = None,
    received_because: ReceivedBecauseOption = None,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Acknowledge that the IT department has downloaded the data."""
    status = with_service(
        lambda service: service.migrations.acknowledge_download(
            subscription,
            actor=actor,
            receipt=stated_receipt(received_at, channel, received_because),
            cancellation=cancellation,
            transfer=transfer,
            request_id=request_id,
        ),
        as_json=as_json,
    )
    _show(status, as_json=as_json)


@migrations_app.command()
def confirm(
    subscription: SubscriptionArgument,
    *,
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report the migration complete: the cancellation continues."""
    status = with_service(
        lambda service: service.migrations.report_completed(
            subscription, actor=actor, cancellation=cancellation, request_id=request_id
        ),
        as_json=as_json,
    )
    _show(status, as_json=as_json)


def _show(status: "MigrationStatus", *, as_json: bool) -> None:
    from starter.cli.migration_text import say_status

    if as_json:
        print_json(status)
    else:
        say_status(status)

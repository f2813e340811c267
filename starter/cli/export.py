"""``offramp export``: show the progress of an export, fetch its files, check them, and acknowledge the download."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from starter.cli import values
from starter.cli.export_verify import verify
from starter.cli.output import JsonOption, error_console, print_json, say, say_unbroken
from starter.cli.receipt import ChannelOption, ReceivedAtOption, ReceivedBecauseOption, stated_receipt
from starter.cli.service import (
    ActorOption,
    RequestIdOption,
    SubscriptionArgument,
    with_records,
    with_service,
)

if TYPE_CHECKING:
    from starter.service.downloads import FileLink

export_app = typer.Typer(
    help="Show, fetch, check and acknowledge the export of an organization's data.", no_args_is_help=True
)
export_app.command()(verify)

DirectoryArgument = Annotated[
    Path, typer.Argument(metavar="DIRECTORY", file_okay=False, help="The directory with the files.")
]


@export_app.command()
def show(
    subscription: SubscriptionArgument,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Wait until the export is finished.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the state and the progress of the newest cancellation's export."""
    from starter.cli.export_text import say_export, watch_export

    if watch and not as_json:
        view = with_service(lambda service: watch_export(service.exports, subscription), as_json=True)
    else:
        view = with_service(lambda service: service.exports.status(subscription), as_json=as_json)
    if as_json:
        print_json(view)
    else:
        say_export(view)


@export_app.command()
def renew(
    subscription: SubscriptionArgument,
    *,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Mail a fresh link, to the billing administrator on record only."""
    status = with_service(
        lambda service: service.exports.renew_link(subscription, actor=actor, request_id=request_id), as_json=as_json
    )
    if as_json:
        print_json(status)
    else:
        say(
            f"A fresh link to the export of [bold]{status.cancellation}[/] is on its way to the billing administrator on record."
        )


@export_app.command()
def acknowledge(
    subscription: SubscriptionArgument,
    *,
    export: Annotated[
        str | None,
        typer.Option(
            "--export",
            parser=values.cancellation,
            metavar="CANCELLATION",
            help="The cancellation whose export was downloaded; default: the newest.",
        ),
    ] = None,
    received_at: ReceivedAtOption = None,
    channel: ChannelOption = None,
    received_because: ReceivedBecauseOption = None,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Acknowledge that the export was downloaded: from now on the data may be erased."""
    status = with_service(
        lambda service: service.exports.acknowledge(
            subscription,
            export=export,
            actor=actor,
            receipt=stated_receipt(received_at, channel, received_because),
            request_id=request_id,
        ),
        as_json=as_json,
    )
    if as_json:
        print_json(status)
    else:
        say(f"Recorded: the export of [bold]{escape(status.cancellation)}[/] was downloaded.")


@export_app.command()
def links(subscription: SubscriptionArgument, *, as_json: JsonOption = False) -> None:
    """Print a link to each file of the export. Each works for 15 minutes, for anyone who has it."""
    found = _files(subscription)
    if as_json:
        print_json(found)
        return
    for file in found:
        say(escape(file.name))
        say_unbroken(file.link)


@export_app.command()
def download(subscription: SubscriptionArgument, directory: DirectoryArgument, *, as_json: JsonOption = False) -> None:
    """Fetch the files of the export through their links, and check them against their manifest."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from starter.service.downloads import download as fetch

    found = _files(subscription)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=error_console, transient=True, disable=as_json) as progress:
        task = progress.add_task("", total=sum(file.bytes for file in found))
        fetch(found, directory, lambda name, size: progress.update(task, advance=size, description=name))
    verify(directory, as_json=as_json)


def _files(subscription: str) -> "Sequence[FileLink]":
    return with_records(lambda service: service.exports.links(subscription), files=True)

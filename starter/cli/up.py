"""``offramp up``: the whole service on this machine."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from starter.cli.output import say
from starter.local import HOST
from starter.local.data_directory import DEFAULT_DATA_DIRECTORY, WEBHOOK_SECRET, DataDirectory, chosen_data_directory

if TYPE_CHECKING:  # these take half a second, which only this one command should cost
    from starter.local.leftovers import ProcessRecord
    from starter.local.ports import Ports
    from starter.local.supervisor import Event

_STYLES = {"ready": "green", "crashed": "bold red", "killed": "bold red"}


def up(
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="The directory for all data. Default: OFFRAMP_DATA_DIR, else .offramp here.", file_okay=False
        ),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Then play seven cases to different ends, or continue them.")
    ] = False,
    webhook_url: Annotated[
        str | None,
        typer.Option(
            "--webhook-url",
            envvar="OFFRAMP_WEBHOOK_URL",
            metavar="URL",
            help="Send webhooks to this system, in place of the receiver on this machine.",
        ),
    ] = None,
) -> None:
    """Run the whole service on this machine; Ctrl-C stops it, and all data is kept for the next time."""
    from starter.deploy.setup import set_up

    if webhook_url:
        _check(webhook_url)
    run_in_foreground(
        DataDirectory(chosen_data_directory(data_dir)),
        set_up=set_up,
        demo=importlib.import_module("starter.demo").run_demo if demo else None,
        worker_module="worker",
        webhook_url=webhook_url or None,
    )


def _check(webhook_url: str) -> None:
    from pydantic import ValidationError

    from activities.messaging.webhook_settings import WebhookSettings

    try:
        WebhookSettings.model_validate({"webhook_url": webhook_url, "webhook_secret": f"whsec_{'A' * 32}"})
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"], param_hint="--webhook-url") from None


def run_in_foreground(
    data: DataDirectory,
    *,
    set_up: Callable[[], Awaitable[None]],
    demo: Callable[[str], Awaitable[None]] | None,
    worker_module: str,
    webhook_url: str | None = None,
) -> None:
    """Run a local stack until SIGINT, SIGTERM or SIGHUP, and report on it at the terminal.

    Args:
        data: the directory with everything that is kept.
        set_up: see `LocalStack`.
        demo: called with the Web UI's address when everything runs.
        worker_module: the module to run as the worker.
        webhook_url: the system that gets the webhooks; the receiver on this machine, if not set.

    Raises:
        EmbeddedPartMissing: the extra ``embedded`` is not installed.

    """
    from starter.local.embedded_parts import check_embedded_parts

    check_embedded_parts()
    from contract import TASK_QUEUE
    from starter.local.services import own_module
    from starter.local.stack import LocalStack

    async def when_ready(ports: "Ports") -> None:
        _show_where_things_are(data, ports, webhook_url)
        if demo is not None:
            await demo(f"http://{HOST}:{ports.temporal_ui}")

    stack = LocalStack(
        data,
        set_up=set_up,
        on_event=_show_event,
        on_leftover=_show_leftover,
        worker=own_module(worker_module),
        task_queue=TASK_QUEUE,
        webhook_url=webhook_url,
    )
    say(f"Starting Offramp. Everything is kept in [bold]{escape(str(data.path))}[/].")
    asyncio.run(stack.run(when_ready))
    say("Stopped; nothing is lost.")


def _show_event(event: "Event") -> None:
    happening = str(event.happening)
    if happening in ("starting", "stopping"):
        return
    detail = f": {event.detail}" if event.detail else ""
    say(f"[{_STYLES.get(happening, 'dim')}]{happening}[/]{escape(detail)}", first=f"  {event.service:<17} ")


def _show_leftover(record: "ProcessRecord") -> None:
    say(f"[yellow]stopped[/]: left behind (pid {record.pid}) by a run that was killed", first=f"  {record.name:<17} ")


def _where_objects_are(data: DataDirectory, ports: "Ports") -> str:
    from starter.local.object_store import BUCKET, object_store_program

    if object_store_program() is None:
        return f"the folder {data.objects_folder}; no SeaweedFS for this machine"
    return f"http://127.0.0.1:{ports.objects}, bucket {BUCKET} (keys in {data.environment_file})"


def _where_webhooks_go(data: DataDirectory, ports: "Ports", webhook_url: str | None) -> str:
    if webhook_url is not None:
        return f"{webhook_url}, signed with the secret in {data.path / WEBHOOK_SECRET}"
    return f"http://127.0.0.1:{ports.webhooks}/; what arrived: {data.webhooks_file}"


def _show_where_things_are(data: DataDirectory, ports: "Ports", webhook_url: str | None) -> None:
    from starter.local.nexus import ENDPOINT

    for remark in ports.remarks:
        say(escape(remark), first="  Note: ")
    lines = {
        "Temporal Web UI": f"http://127.0.0.1:{ports.temporal_ui}",
        "Temporal": f"127.0.0.1:{ports.temporal}, namespace default",
        "PostgreSQL": f"127.0.0.1:{ports.postgres}, databases offramp and tenants (URLs in {data.environment_file})",
        "Object store": _where_objects_are(data, ports),
        "Pages": f"http://127.0.0.1:{ports.pages}, to which links in mails lead",
        "Console": f"http://127.0.0.1:{ports.console}",
        "HTTP API": f"http://127.0.0.1:{ports.api}",
        "Nexus": f"endpoint {ENDPOINT} of Temporal, for workflows in other namespaces",
        "Codec server": f"http://127.0.0.1:{ports.codec}, which decrypts payloads for the Web UI",
        "Metrics": f"http://127.0.0.1:{ports.metrics}/metrics, of the worker; {ports.api_metrics} of the API, {ports.pages_metrics} of the pages",
        "Mail": f"127.0.0.1:{ports.smtp}; what was sent: offramp mails",
        "Webhooks": _where_webhooks_go(data, ports, webhook_url),
        "Logs": str(data.logs),
    }
    say("\n[bold green]Offramp is up.[/] Ctrl-C stops it.\n")
    for what, where in lines.items():
        say(escape(where), first=f"  {what:<16} ")
    here = data.path == DEFAULT_DATA_DIRECTORY.absolute()
    where_to_type = "in this directory" if here else f"after export OFFRAMP_DATA_DIR={escape(str(data.path))}"
    say(f"\nIn another terminal, {where_to_type}:")
    for command in ("offramp cancellations list", "offramp mails", "offramp --help"):
        say(f"[cyan]{command}[/]", first="  ")
    say()

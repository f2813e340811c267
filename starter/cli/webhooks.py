"""``offramp webhooks``: the systems that are notified by webhooks, and what they were sent."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from domain.system_tasks import Duty
from domain.words import FOR_AGENTS
from starter.cli.output import JsonOption, console, print_json, say, say_unbroken
from starter.cli.service import ActorOption, ReasonOption, RequestIdOption, with_records, with_service

if TYPE_CHECKING:
    from domain.webhooks import Endpoint, EndpointSecret
    from starter.service.webhooks import DeliveryPage

webhooks_app = typer.Typer(
    help="Add, watch, try out and resume the systems that are notified by webhooks.", no_args_is_help=True
)

EndpointArgument = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The name of the endpoint.")]
SinceOption = Annotated[
    datetime | None,
    typer.Option(
        "--since", metavar="INSTANT", formats=["%Y-%m-%dT%H:%M:%S%z"], help="All messages since this instant."
    ),
]


class DeliveryState(StrEnum):
    """A state of a delivery, to choose by."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@webhooks_app.command("list")
def list_(*, as_json: JsonOption = False) -> None:
    """List the endpoints."""
    found = with_records(lambda service: service.webhooks.list())
    if as_json:
        print_json(found)
        return
    for endpoint in found:
        _say(endpoint)
    if not found:
        say("No system is notified. Add one: [cyan]offramp webhooks add[/]")


@webhooks_app.command()
def add(
    endpoint: EndpointArgument,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where messages are sent: https://host/path.")],
    *,
    event: Annotated[
        list[str] | None,
        typer.Option(
            "--event", metavar="EVENT", help="An event, or an area such as cancellation.*; several are possible."
        ),
    ] = None,
    does: Annotated[
        list[Duty] | None,
        typer.Option(
            "--does", help="What it does as a system: it is asked for that, and confirms it; several are possible."
        ),
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="ADDRESS", help="Who is notified when it is paused by itself.")
    ] = None,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add an endpoint, which hears of what happens from now on, and show its secret."""
    added = with_records(
        lambda service: service.webhooks.add(
            endpoint, url=url, events=event or (), duties=does or (), owner=owner, actor=actor, request_id=request_id
        )
    )
    _say_secret(added, as_json=as_json)


@webhooks_app.command()
def rotate(
    endpoint: EndpointArgument,
    *,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give an endpoint another secret; the one before signs as well for a day."""
    rotated = with_records(lambda service: service.webhooks.rotate(endpoint, actor=actor, request_id=request_id))
    _say_secret(rotated, as_json=as_json)


@webhooks_app.command()
def pause(
    endpoint: EndpointArgument,
    *,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep the messages of an endpoint until it is resumed."""
    done = with_records(
        lambda service: service.webhooks.pause(endpoint, reason=reason, actor=actor, request_id=request_id)
    )
    _say(done, as_json=as_json)


@webhooks_app.command()
def resume(
    endpoint: EndpointArgument,
    *,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let messages go to an endpoint again; what it is owed is sent first."""
    done = with_service(
        lambda service: service.webhooks.resume(endpoint, reason=reason, actor=actor, request_id=request_id),
        as_json=as_json,
    )
    _say(done, as_json=as_json)


@webhooks_app.command()
def remove(
    endpoint: EndpointArgument,
    *,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send an endpoint nothing more, for good; what it is owed is given up."""
    done = with_records(
        lambda service: service.webhooks.remove(endpoint, reason=reason, actor=actor, request_id=request_id)
    )
    _say(done, as_json=as_json)


@webhooks_app.command("test")
def try_out(
    endpoint: EndpointArgument,
    *,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send an endpoint a message of trial, and show its answer. Exit status 1: it did not accept it."""
    answer = with_service(
        lambda service: service.webhooks.test(endpoint, actor=actor, request_id=request_id),
        as_json=as_json,
        what="Waiting for the endpoint",
    )
    if as_json:
        print_json(answer)
    elif answer.accepted:
        say(f"[bold green]Accepted[/] with {answer.status} after {answer.milliseconds} ms.")
    else:
        say(f"[bold red]Not accepted.[/] {escape(answer.failure or '')}")
    raise typer.Exit(0 if answer.accepted else 1)


@webhooks_app.command()
def deliveries(
    endpoint: EndpointArgument,
    *,
    state: Annotated[
        list[DeliveryState] | None, typer.Option("--state", help="Only these; several are possible.")
    ] = None,
    after: Annotated[int | None, typer.Option("--after", metavar="NUMBER", help="Go on after the page before.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List what an endpoint was sent and is owed, the newest first."""
    page = with_records(
        lambda service: service.webhooks.deliveries(
            endpoint, states=[each.value for each in state or ()], after=after, limit=limit
        )
    )
    if as_json:
        print_json(page)
    else:
        _say_deliveries(page)


@webhooks_app.command()
def resend(
    endpoint: EndpointArgument,
    message: Annotated[
        list[str] | None, typer.Argument(metavar="[MESSAGE]...", help="The ids of messages, as they are listed.")
    ] = None,
    *,
    since: SinceOption = None,
    failed: Annotated[bool, typer.Option("--failed", help="Of these, only what was given up.")] = False,
    reason: ReasonOption,
    actor: ActorOption,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send messages to an endpoint again, under their ids, which a receiver knows them by."""
    done = with_service(
        lambda service: service.webhooks.resend(
            endpoint,
            deliveries=message or (),
            since=since,
            failed_only=failed,
            reason=reason,
            actor=actor,
            request_id=request_id,
        ),
        as_json=as_json,
    )
    if as_json:
        print_json(done)
    else:
        say(f"They are on their way: [cyan]offramp webhooks deliveries {done.name}[/]")


def _say(endpoint: "Endpoint", *, as_json: bool = False) -> None:
    if as_json:
        print_json(endpoint)
        return
    events = ", ".join(endpoint.events) or "every event"
    say(
        f"[bold]{endpoint.name}[/] {escape(endpoint.url or 'by configuration')}: [bold]{endpoint.state}[/], hears of {events}"
    )
    if endpoint.paused_at is not None:
        paused = f"paused by {escape(endpoint.paused_by or '')} on {FOR_AGENTS.instant(endpoint.paused_at, 'UTC')}"
        say(f"{paused}: {escape(endpoint.paused_because or '')}", first="  ")
    elif endpoint.failing_since is not None:
        since = FOR_AGENTS.instant(endpoint.failing_since, "UTC")
        say(f"takes nothing since {since}: {escape(endpoint.last_failure or '')}", first="  ")
    if endpoint.pending:
        say(f"{endpoint.pending} messages wait for it", first="  ")
    if endpoint.put_off_since is not None:
        since = FOR_AGENTS.instant(endpoint.put_off_since, "UTC")
        say(f"{endpoint.put_off} of them it has put off, the first on {since}", first="  ")


def _say_secret(added: "EndpointSecret", *, as_json: bool) -> None:
    if as_json:
        print_json(added)
        return
    _say(added.endpoint)
    say_unbroken(added.secret, first="  secret  ")
    if added.previous_until is not None:
        say(f"The secret before it signs as well until {FOR_AGENTS.instant(added.previous_until, 'UTC')}.", first="  ")
    say("It is not shown again.", first="  ")


def _say_deliveries(page: "DeliveryPage") -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("Message", "State", "Attempts", "Last attempt"):
        table.add_column(column, overflow="fold")
    for each in page.deliveries:
        last = FOR_AGENTS.instant(each.last_attempt_at, "UTC") if each.last_attempt_at else ""
        failed = f"\n{escape(each.failure)}" if each.failure else ""
        table.add_row(each.message, each.state, str(each.attempts), f"{last}{failed}")
    console.print(table)
    if page.next is not None:
        say(f"More: --after {page.next}")

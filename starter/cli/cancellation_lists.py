"""``offramp cancellations list|show|history|messages``: cancellations by what they are, the state of one, its trail and messages."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from domain.cancellation.waiting import Awaited
from domain.vocabulary import Stage
from starter.cli import values
from starter.cli.days import day
from starter.cli.output import JsonOption, print_json, say
from starter.cli.service import SubscriptionArgument, with_records, with_service

if TYPE_CHECKING:
    from records.cancellation.case_list import CasePage
    from records.cancellation.lists import CaseHistory
    from starter.service import Offramp

OrganizationOption = Annotated[
    str | None,
    typer.Option("--organization", parser=values.identifier, metavar="ID", help="Only those of this organization."),
]


def list_command(
    *,
    organization: OrganizationOption = None,
    stage: Annotated[
        list[Stage] | None, typer.Option("--stage", help="Only those at this stage. May be repeated.")
    ] = None,
    received_from: Annotated[
        date | None,
        typer.Option("--received-from", parser=day, metavar="YYYY-MM-DD", show_default=False,
                     help="Only those received on this day or later, in the zone of the organization."),
    ] = None,
    received_until: Annotated[
        date | None,
        typer.Option("--received-until", parser=day, metavar="YYYY-MM-DD", show_default=False,
                     help="Only those received on this day or earlier."),
    ] = None,
    waiting_for: Annotated[
        Awaited | None, typer.Option("--waiting-for", help="Only those that wait for this, by the records.")
    ] = None,
    text: Annotated[
        str | None,
        typer.Option("--text", metavar="TEXT", help="Only those with this in an id, the description or the "
                     "organization's name."),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option("--after", parser=values.case, metavar="CURSOR", help="Continue after this page."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=10_000)] = 50,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """List cancellations, those of single lines too, the last received first, with their number at each stage."""
    page = with_records(
        lambda service: service.cancellations.list(
            stages=stage or (),
            organization=organization,
            received_from=received_from,
            received_until=received_until,
            waits_for=waiting_for,
            text=text,
            after=after,
            limit=limit,
        )
    )
    if as_json:
        print_json(page)
    else:
        _say(page)


def show(subscription: SubscriptionArgument, *, as_json: JsonOption = False) -> None:
    """Show the state of a subscription's newest cancellation, live from its workflow."""
    from starter.cli.cancellation_text import say_status

    status = with_service(lambda service: service.cancellations.status(subscription), as_json=as_json)
    if as_json:
        print_json(status)
    else:
        say_status(status)


def history(subscription: SubscriptionArgument, *, as_json: JsonOption = False) -> None:
    """Print the audit trail: actor, time, change and reason of every event."""
    from starter.cli.cancellation_text import say_history

    trail = with_records(lambda service: _whole_trail(service, subscription))
    if as_json:
        print_json([{**entry.model_dump(mode="json"), "at": entry.at.isoformat()} for entry in trail.entries])
    else:
        say_history(trail)


def messages(
    subscription: SubscriptionArgument,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000)] = 200,
    *,
    as_json: JsonOption = False,
) -> None:
    """List the newest mails and webhooks about a subscription's cancellations, and whether each is delivered."""
    from starter.cli.cancellation_text import say_messages

    sent = with_records(lambda service: service.cancellations.messages(subscription, limit=limit))
    if as_json:
        print_json([message.model_dump(mode="json") for message in sent])
    else:
        say_messages(sent)


async def _whole_trail(service: "Offramp", subscription: str) -> "CaseHistory":
    page = await service.cancellations.history(subscription)
    entries = list(page.entries)
    while page.next is not None:
        page = await service.cancellations.history(subscription, after=page.next)
        entries += page.entries
    return page.model_copy(update={"entries": tuple(entries)})


def _say(page: "CasePage") -> None:
    from starter.cli.cancellation_text import say_cases

    if page.cancellations:
        say_cases(page.cancellations)
    total = sum((page.counts or {}).values())
    if not total:
        say("No such cancellation yet. Start one: [cyan]offramp cancellations start SUBSCRIPTION[/]")
        return
    counts = ", ".join(f"{number} {stage}" for stage, number in (page.counts or {}).items() if number)
    say(f"{total} in all: {counts}.")
    if page.next:
        say(f"There are more: --after {page.next}")

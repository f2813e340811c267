"""``offramp cancellations withdraw`` and ``reverse``: a customer who stays after all."""

from typing import TYPE_CHECKING, Annotated

import typer

from domain.cancellation.identity import Identity
from starter.cli import values
from starter.cli.output import JsonOption, print_json
from starter.cli.receipt import ChannelOption, ReceivedAtOption, ReceivedBecauseOption, stated_receipt
from starter.cli.service import (
    ActorOption,
    CancellationOption,
    ReasonOption,
    RequestIdOption,
    SubscriptionArgument,
    with_service,
)

if TYPE_CHECKING:
    from contract import CancellationStatus

CustomersReasonOption = Annotated[
    str | None,
    typer.Option("--reason", parser=values.reason, metavar="REASON", help="The reason, in the customer's words."),
]


AdministratorAgain = Annotated[
    str, typer.Option("--administrator", metavar="E-MAIL", help="The billing administrator's e-mail.")
]
UrlAgain = Annotated[str, typer.Option("--url", metavar="URL", help="The organization's URL.")]
NameAgain = Annotated[str, typer.Option("--name", metavar="NAME", help="The organization's unique name.")]


def withdraw(
    subscription: SubscriptionArgument,
    *,
    reason: ReasonOption,
    received_at: ReceivedAtOption = None,
    channel: ChannelOption = None,
    received_because: ReceivedBecauseOption = None,
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Withdraw a cancellation that has not taken effect; everything it prepared is undone."""
    status = with_service(
        lambda s: s.cancellations.withdraw(
            subscription,
            actor=actor,
            reason=reason,
            receipt=stated_receipt(received_at, channel, received_because),
            cancellation=cancellation,
            request_id=request_id,
        ),
        as_json=as_json,
    )
    show_status(status, as_json=as_json)


def reverse(
    subscription: SubscriptionArgument,
    *,
    administrator: AdministratorAgain,
    url: UrlAgain,
    name: NameAgain,
    reason: CustomersReasonOption = None,
    received_at: ReceivedAtOption = None,
    channel: ChannelOption = None,
    received_because: ReceivedBecauseOption = None,
    actor: ActorOption,
    cancellation: CancellationOption = None,
    request_id: RequestIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reverse a cancellation within its window, with the same information that cancelled it."""
    identity = Identity(billing_administrator=administrator, organization_url=url, organization_name=name)
    status = with_service(
        lambda s: s.cancellations.reverse(
            subscription,
            identity,
            actor=actor,
            reason=reason,
            receipt=stated_receipt(received_at, channel, received_because),
            cancellation=cancellation,
            request_id=request_id,
        ),
        as_json=as_json,
    )
    show_status(status, as_json=as_json)


def show_status(status: "CancellationStatus", *, as_json: bool) -> None:
    """Print the status of a cancellation, for a program or for a person."""
    from starter.cli.cancellation_text import say_status

    if as_json:
        print_json(status)
    else:
        say_status(status)

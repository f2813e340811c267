"""The options with which an agent says when and how a request was received that is entered later."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from domain.civil_dates import DateMalformed, parse_day
from domain.vocabulary import ReceiptChannel
from starter.cli import values

if TYPE_CHECKING:
    from starter.service.receipts import StatedReceipt


def instant_or_day(text: str) -> datetime | date:
    """Return the instant with its offset, or the civil date, that a person wrote."""
    try:
        return parse_day(text)
    except DateMalformed:
        pass
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        rule = "write a day, 2026-09-28, or an instant with its offset, 2026-09-28T16:30+02:00"
        raise typer.BadParameter(f"{text!r} is not possible: {rule}.")
    return instant


ReceivedAtOption = Annotated[
    datetime | None,
    typer.Option("--received-at", parser=instant_or_day, metavar="INSTANT|YYYY-MM-DD", show_default=False,
                 help="When it was received, if before now: an instant with its offset, or a day in the organization's zone, "
                 "which counts until its end."),
]  # fmt: skip
ChannelOption = Annotated[
    ReceiptChannel | None, typer.Option("--channel", show_default=False, help="The way by which it was received.")
]
ReceivedBecauseOption = Annotated[
    str | None,
    typer.Option("--received-because", parser=values.reason, metavar="REASON",
                 help="The reason why it is entered so late, for the audit trail."),
]  # fmt: skip


def stated_receipt(
    received_at: datetime | date | None, channel: ReceiptChannel | None, because: str | None
) -> "StatedReceipt | None":
    """Return the receipt that the options state; None if they state nothing."""
    from starter.service.receipts import StatedReceipt

    stated = StatedReceipt(received_at, channel, because)
    return None if stated == StatedReceipt() else stated

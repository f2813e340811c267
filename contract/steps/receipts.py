"""The receipt of a request as steps keep it: its legal instant, and what the request states of it."""

from datetime import datetime

from contract.common import ReceivedRequest
from contract.steps.common import Receipt
from domain.receipt import received_instant
from domain.requests import CLOCK_SKEW, check_sent


def receipt_of(message: ReceivedRequest, *, entered_at: datetime | None) -> Receipt | None:
    """Return what a request states of its receipt, with the instant of its entry if it states an earlier one; None if nothing."""
    stated = Receipt(entered_at=entered_at, channel=message.channel, because=message.received_because)
    return None if stated == Receipt() else stated


def receipt_of_start(start: ReceivedRequest, *, now: datetime) -> tuple[datetime, Receipt | None]:
    """Return the legal instant of a start that arrives now, and what it states of its receipt.

    An instant long before now is an earlier receipt, whichever field states it.

    Raises:
        SentInFuture, ReceivedInFuture.

    """
    at = check_sent(start.sent_at, now=now)
    is_stated = start.received_at is not None or at < now - CLOCK_SKEW
    if start.received_at is not None:
        at = received_instant(start.received_at, now=now)
    return at, receipt_of(start, entered_at=now if is_stated else None)

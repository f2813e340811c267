"""The receipt of a request as a caller states it: an instant, or a civil day in the zone of the organization."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from domain.civil_dates import refuse_out_of_bounds
from domain.receipt import stated_instant
from domain.vocabulary import ReceiptChannel


@dataclass(frozen=True)
class StatedReceipt:
    """The receipt of a request that is entered later, or its channel alone."""

    at: datetime | date | None = None
    """The instant, or the day, which counts until its last moment; for today, and if not set, the instant of the entry counts."""
    channel: ReceiptChannel | None = None
    because: str | None = None
    """The reason why it is entered so long after it was received."""

    def fields(self, zone: str, *, now: datetime) -> dict[str, Any]:
        """Return the fields of the request; a day is one in ``zone``. Raises DayOutOfBounds."""
        refuse_out_of_bounds(self.at)
        at = stated_instant(self.at, zone, now=now)
        return {"received_at": at, "channel": self.channel, "received_because": self.because}

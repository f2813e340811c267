"""The receipt of a request as a caller states it: an instant, or a civil day in the zone of the organization."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from domain.civil_dates import plus_days
from domain.civil_time import day_of, start_of_day
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
        """Return the fields of the request; a day is one in ``zone``. Raises DateOutOfRange."""
        at = self.at
        if at is not None and not isinstance(at, datetime):
            ended = start_of_day(plus_days(at, 1), zone) - timedelta(microseconds=1)
            at = None if at == day_of(now, zone) else ended
        return {"received_at": at, "channel": self.channel, "received_because": self.because}

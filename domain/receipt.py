"""The true instant of a receipt: stated by a request that is entered after it was received (rules, sections 1 and 8).

A letter that lay in the post room counts from the day on which it arrived, whoever entered it, and whenever.
"""

from datetime import UTC, date, datetime, timedelta

from domain.civil_dates import day_text, plus_days
from domain.civil_time import day_of, start_of_day
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input
from domain.requests import CLOCK_SKEW

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""The first instant that a request may state: what is before it is a typing error, and has no civil date in every zone."""


class ReceivedInFuture(Refusal):
    """A request that states to have been received after now."""

    code = "received_in_future"

    def __init__(self, received_at: datetime, now: datetime) -> None:
        super().__init__(
            f"The request was received at {received_at.isoformat()}, it says, and it is {now.isoformat(timespec='seconds')}.",
            remedy=correct_input("State the instant at which it arrived, or leave it out for now."),
            received_at=received_at.isoformat(),
        )


class ReceivedBeforeCase(Refusal):
    """A request about a case that states to have been received before the case was, and so cannot be about it."""

    code = "received_before_case"

    def __init__(self, received_at: datetime, cancellation: str, case_received_at: datetime) -> None:
        super().__init__(
            f"The request was received at {received_at.isoformat()}, it says, before {cancellation} was received at "
            f"{case_received_at.isoformat(timespec='seconds')}.",
            remedy=Remedy.of(RemedyKind.SHOW_CANCELLATION, cancellation=cancellation),
            received_at=received_at.isoformat(),
            cancellation=cancellation,
        )


class ReceivedBeforeEarlierEnd(Refusal):
    """A cancellation that was received before an earlier one was withdrawn or reversed, which overtook it."""

    code = "received_before_earlier_end"

    def __init__(self, received_at: datetime, cancellation: str, ended_at: datetime) -> None:
        super().__init__(
            f"The cancellation was received at {received_at.isoformat()}, it says, before {cancellation} was withdrawn or "
            f"reversed at {ended_at.isoformat(timespec='seconds')}: the later word of the customer counts.",
            remedy=correct_input("If they have cancelled again since, state when that was received."),
            received_at=received_at.isoformat(),
            cancellation=cancellation,
        )


class BackdatingNeedsReason(Refusal):
    """A receipt further in the past than the policy allows without a reason."""

    code = "backdating_needs_reason"

    def __init__(self, received_at: datetime, zone: str, days: int) -> None:
        super().__init__(
            f"The request was received on {day_text(day_of(received_at, zone))} ({zone}), it says: more than {days} days ago.",
            remedy=correct_input("Give the reason why it is entered so late, as `received_because`."),
            received_at=received_at.isoformat(),
            days=days,
        )


def stated_instant(stated: datetime | date | None, zone: str, *, now: datetime) -> datetime | None:
    """Return the instant of a receipt that is stated as such, or as a civil day in ``zone``, which counts until its last moment.

    None for today, and where nothing is stated: the instant of the entry counts. Raises DateOutOfRange.
    """
    if stated is None or isinstance(stated, datetime):
        return stated
    return None if stated == day_of(now, zone) else start_of_day(plus_days(stated, 1), zone) - timedelta(microseconds=1)


def received_instant(stated: datetime, *, now: datetime) -> datetime:
    """Return the instant of a receipt that a request states, never one after now.

    Raises:
        ReceivedInFuture: it is later than now by more than `CLOCK_SKEW`.

    """
    if stated > now + CLOCK_SKEW:
        raise ReceivedInFuture(stated, now)
    return min(stated, now)


def received_instant_about(stated: datetime, *, case: str, received_at: datetime, now: datetime) -> datetime:
    """Return the instant of a receipt that a request about a case states, never one before the case was received.

    Raises:
        ReceivedInFuture.
        ReceivedBeforeCase: it is earlier than the receipt of the case by more than `CLOCK_SKEW`.

    """
    at = received_instant(stated, now=now)
    if at < received_at - CLOCK_SKEW:
        raise ReceivedBeforeCase(at, case, received_at)
    return max(at, received_at)


def check_backdating(received_at: datetime, *, entered_at: datetime, zone: str, days: int, because: str | None) -> None:
    """Raise BackdatingNeedsReason unless a receipt is at most ``days`` civil days before its entry, or has a reason."""
    age = day_of(entered_at, zone) - day_of(received_at, zone)
    if because is None and age > timedelta(days=days):
        raise BackdatingNeedsReason(received_at, zone, days)


def check_after_earlier_end(received_at: datetime, cancellation: str, ended_at: datetime) -> None:
    """Raise ReceivedBeforeEarlierEnd for a cancellation received before an earlier one was withdrawn or reversed."""
    if received_at < ended_at:
        raise ReceivedBeforeEarlierEnd(received_at, cancellation, ended_at)

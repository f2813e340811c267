"""The time of a transfer: an instant from a written time, within limits (rules, section 10)."""

from datetime import UTC, datetime, timedelta

from domain.civil_time import time_zone
from domain.refusals import Refusal
from domain.remedies import correct_input
from domain.words import FOR_AGENTS

FURTHEST_TRANSFER = timedelta(days=180)
"""The longest time until a transfer: the subscription cannot end before it."""


class TransferTimeInPast(Refusal):
    """A time of the transfer that is past."""

    code = "transfer_time_in_past"

    def __init__(self, wished: datetime, now: datetime, zone: str) -> None:
        super().__init__(
            f"The transfer cannot be at {FOR_AGENTS.instant(wished, zone)}: it is {FOR_AGENTS.instant(now, zone)}.",
            remedy=correct_input("Name a later time."),
            transfer_at=wished.isoformat(),
        )


class TransferTimeTooFar(Refusal):
    """A time of the transfer that is further away than a migration waits."""

    code = "transfer_time_too_far"

    def __init__(self, wished: datetime, latest: datetime, zone: str) -> None:
        super().__init__(
            f"The transfer cannot be at {FOR_AGENTS.instant(wished, zone)}: that is more than {FURTHEST_TRANSFER.days} days away.",
            remedy=correct_input(f"Name a time until {FOR_AGENTS.instant(latest, zone)}."),
            transfer_at=wished.isoformat(),
            latest=latest.isoformat(),
        )


class LocalTimeUnclear(Refusal):
    """A civil time that does not exist, or exists twice, because clocks are changed."""

    code = "local_time_unclear"

    def __init__(self, wished: datetime, zone: str, *, twice: bool) -> None:
        happens = "comes twice" if twice else "is left out"
        super().__init__(
            f"{wished:%Y-%m-%d %H:%M} {happens} in {zone}, where clocks are changed.",
            remedy=correct_input(
                "Name the time with its offset from UTC, for example 2026-10-25T02:30+01:00, or another time."
            ),
            transfer_at=wished.isoformat(),
            time_zone=zone,
        )


def transfer_instant(wished: datetime, *, zone: str, now: datetime) -> datetime:
    """Return the instant (UTC) of the requested transfer.

    Args:
        wished: an instant with an offset, or a civil date and time of ``zone`` without one.
        zone: the organization's IANA zone.
        now: the present instant.

    Raises:
        LocalTimeUnclear, TransferTimeInPast, TransferTimeTooFar.

    """
    instant = _instant_of(wished, zone) if wished.tzinfo is None else wished.astimezone(UTC)
    if instant < now:
        raise TransferTimeInPast(instant, now, zone)
    if instant - now > FURTHEST_TRANSFER:
        raise TransferTimeTooFar(instant, now + FURTHEST_TRANSFER, zone)
    return instant


def _instant_of(civil: datetime, zone: str) -> datetime:
    first, second = (civil.replace(tzinfo=time_zone(zone), fold=fold) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        exists = first.astimezone(UTC).astimezone(time_zone(zone)).replace(tzinfo=None, fold=0) == civil.replace(fold=0)
        raise LocalTimeUnclear(civil, zone, twice=exists)
    return first.astimezone(UTC)

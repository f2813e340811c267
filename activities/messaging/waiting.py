"""Messages that wait for a webhook endpoint, and when a delivery looks at them again."""

from collections.abc import Sequence
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from records.webhooks.serving import PutOff

WEBHOOK_ENDPOINT_UNAVAILABLE = "webhook_endpoint_unavailable"

LONGEST_WAIT = timedelta(minutes=1)
"""The longest time until a delivery looks again at what waits; the endpoint is asked at intervals of its own."""


def refuse_to_leave(waiting: Sequence[PutOff]) -> None:
    """Raise where something waits for an endpoint that is not paused."""
    refuse_if_busy(waiting)
    for each in waiting:
        raise ApplicationError(
            str(each.why),
            type=WEBHOOK_ENDPOINT_UNAVAILABLE,
            next_retry_delay=_until_next_look(after=_attempts_before()),
        )


def refuse_if_busy(waiting: Sequence[PutOff]) -> None:
    """Raise where an endpoint takes messages, and others are under way: it is asked again soon, unless it is slow."""
    busy = [each for each in waiting if each.why is None]
    if not busy:
        return
    raise ApplicationError(
        f"Other messages are under way to the webhook endpoint {busy[0].endpoint}.",
        type=WEBHOOK_ENDPOINT_UNAVAILABLE,
        next_retry_delay=_until_next_look(after=_attempts_before() if all(each.is_slow for each in busy) else 0),
        category=ApplicationErrorCategory.BENIGN,
    )


def _attempts_before() -> int:
    return activity.info().attempt - 1


def _until_next_look(*, after: int) -> timedelta:
    return min(timedelta(seconds=4 ** min(after, 3)), LONGEST_WAIT)

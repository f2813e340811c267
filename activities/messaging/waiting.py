"""Messages that wait for a webhook endpoint, and when a delivery looks at them again."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from records.webhooks.serving import PutOff

WEBHOOK_ENDPOINT_UNAVAILABLE = "webhook_endpoint_unavailable"

LONGEST_WAIT = timedelta(minutes=1)
"""The longest time until a delivery looks again at what waits; the endpoint is asked at intervals of its own."""


def refuse_to_leave(waiting: Sequence[PutOff], prompt: Collection[str]) -> None:
    """Raise where something waits for an endpoint that is not paused; ``prompt`` are those that answer promptly."""
    refuse_if_busy(waiting, prompt)
    for each in waiting:
        raise ApplicationError(
            str(each.why),
            type=WEBHOOK_ENDPOINT_UNAVAILABLE,
            next_retry_delay=_until_next_look(after=_attempts_before()),
        )


def refuse_if_busy(waiting: Sequence[PutOff], prompt: Collection[str]) -> None:
    """Raise where an endpoint takes messages, and others are under way: it is asked again the sooner, the more promptly it answers."""
    busy = {each.endpoint for each in waiting if each.why is None}
    if not busy:
        return
    raise ApplicationError(
        f"Other messages are under way to the webhook endpoint {min(busy)}.",
        type=WEBHOOK_ENDPOINT_UNAVAILABLE,
        next_retry_delay=_until_next_look(after=0 if busy & set(prompt) else _attempts_before()),
        category=ApplicationErrorCategory.BENIGN,
    )


def _attempts_before() -> int:
    return activity.info().attempt - 1


def _until_next_look(*, after: int) -> timedelta:
    return min(timedelta(seconds=4 ** min(after, 3)), LONGEST_WAIT)

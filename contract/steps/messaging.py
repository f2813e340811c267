"""The steps that have messages delivered again."""

from datetime import datetime

from contract.steps.common import OfActor


class Reopening(OfActor):
    """Messages of a webhook endpoint that are to be delivered again."""

    endpoint: str
    key: str
    """The idempotency key of the step."""
    at: datetime
    messages: tuple[str, ...] = ()
    since: datetime | None = None
    failed_only: bool = False
    why: str | None = None

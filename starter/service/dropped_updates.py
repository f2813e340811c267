"""Updates that a workflow drops unseen, which are sent again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from temporalio.service import RPCError

Outcome = TypeVar("Outcome")

_DROPPED = ("unexpected workflow task failure", "workflow is closing", "update was aborted")
"""Parts of Temporal's sentences about an update that came while its workflow continued as new, or whose workflow task was
lost. They have no status of their own."""

FIRST_PAUSE, LAST_PAUSE = timedelta(milliseconds=50), timedelta(seconds=1)
"""The pauses before an update is sent again."""


async def until_kept(send: Callable[[], Awaitable[Outcome]]) -> Outcome:
    """Send an update, again each time that its workflow drops it; return its answer.

    Nothing was kept of a dropped update, and the same id makes it the same request. The caller limits the time.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            return await send()
        except RPCError as error:
            if not any(reason in error.message for reason in _DROPPED):
                raise
        await asyncio.sleep(pause.total_seconds())
        pause = min(2 * pause, LAST_PAUSE)

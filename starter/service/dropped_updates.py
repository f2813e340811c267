"""Updates that a workflow drops unseen, which are sent again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from temporalio.service import RPCError

Outcome = TypeVar("Outcome")

_CLOSING = ("workflow is closing", "aborted by closing workflow")
_DROPPED = ("unexpected workflow task failure", "update was aborted", *_CLOSING)
"""Parts of Temporal's sentences about an update that came while its workflow continued as new, or whose workflow task was
lost. They have no status of their own."""

FIRST_PAUSE, LAST_PAUSE = timedelta(milliseconds=50), timedelta(seconds=1)
"""The pauses before an update is sent again."""


async def until_kept(send: Callable[[], Awaitable[Outcome]], is_running: Callable[[], Awaitable[bool]]) -> Outcome:
    """Send an update, again each time that its workflow drops it; return its answer.

    Nothing was kept of a dropped update, and the same id makes it the same request. The caller limits the time. A workflow
    that has ended says for ever that it is closing, so that its last error is raised unless ``is_running``.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            return await send()
        except RPCError as error:
            if not any(reason in error.message for reason in _DROPPED):
                raise
            if any(reason in error.message for reason in _CLOSING) and not await is_running():
                raise
        await asyncio.sleep(pause.total_seconds())
        pause = min(2 * pause, LAST_PAUSE)

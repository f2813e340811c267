"""Handlers of reads that take long begin when it is their turn."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from starter.api.callers import actor
from starter.web.long_reads import LONG_READS


async def long_read(request: Request) -> AsyncIterator[None]:
    """Let a handler begin when it is its turn: the work goes on when its caller is gone, and keeps the turn. Raises TooManyReads."""
    caller = actor(request)
    async with LONG_READS.place(caller), LONG_READS.turn(caller):
        yield


LongRead = Annotated[None, Depends(long_read)]

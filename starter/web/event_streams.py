"""Streams of the service's events as server-sent events that can be resumed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from fastapi.responses import StreamingResponse

from starter.service.events import Stream

STREAM_SECONDS = 900.0
"""The longest life of a stream; its reader resumes it, and shows anew who it is."""
RETRY_MILLISECONDS = 1000


def event_stream(stream: Stream) -> StreamingResponse:
    """Return the answer that goes on with a stream for as long as its reader listens, and no longer than `STREAM_SECONDS`."""
    return StreamingResponse(_written(stream), media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def _written(stream: Stream) -> AsyncIterator[str]:
    is_first = True
    try:
        # Closed at once, and not when somebody collects it: its reader's place is free then.
        async with aclosing(stream), asyncio.timeout(STREAM_SECONDS):
            async for place, event in stream:
                if event is not None:
                    yield f"id: {place}\nevent: case\ndata: {event.model_dump_json()}\n\n"
                elif is_first:
                    yield f"retry: {RETRY_MILLISECONDS}\nid: {place}\nevent: ready\ndata: {{}}\n\n"
                else:
                    yield f"id: {place}\n\n"
                is_first = False
    except TimeoutError:
        return

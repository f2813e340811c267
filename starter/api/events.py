"""Events of cases as they happen, as server-sent events that can be resumed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from domain.permissions import Operation
from starter.api.callers import Acting, Service, Visible
from starter.api.routes import Subscription, operation
from starter.service.events import Stream

router = APIRouter(tags=["events"])

STREAM_SECONDS = 900.0
"""The longest life of a stream; its reader resumes it, with a token that is still valid."""
RETRY_MILLISECONDS = 1000

_STREAM: dict[str, Any] = {
    "response_class": StreamingResponse,
    "responses": {
        200: {
            "description": (
                "Server-sent events. `ready` comes first: from here on nothing is missed. Each `case` has a `CaseEvent` as its data, and "
                "an id with which the stream is resumed; an event that comes again has the same `entry`."
            ),
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
}
LastEventId = Annotated[
    str | None, Header(max_length=100, description="the id of the last event that came; none to begin now")
]


@operation(router, Operation.WATCH_CANCELLATIONS, 429, of_several=True, **_STREAM)
async def watch(
    organizations: Visible, service: Service, watcher: Acting, last_event_id: LastEventId = None
) -> StreamingResponse:
    """Follow the events of all cases, of every kind."""
    return _answer(await service.events.watch_list(organizations=organizations, after=last_event_id, watcher=watcher))


@operation(router, Operation.WATCH_SUBSCRIPTION, 429, **_STREAM)
async def watch_subscription(
    subscription: Subscription,
    service: Service,
    watcher: Acting,
    cancellation: Annotated[str | None, Query(max_length=400, description="one case alone")] = None,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """Follow the events of a subscription's cancellations, and of those of its lines."""
    return _answer(
        await service.events.watch_subscription(
            subscription, cancellation=cancellation, after=last_event_id, watcher=watcher
        )
    )


def _answer(stream: Stream) -> StreamingResponse:
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

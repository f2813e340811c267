"""Events of cases as they happen, as server-sent events that can be resumed."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from domain.permissions import Operation
from starter.api.callers import Acting, Service, Visible
from starter.api.routes import Subscription, operation
from starter.web.event_streams import event_stream

router = APIRouter(tags=["events"])

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
    return event_stream(
        await service.events.watch_list(organizations=organizations, after=last_event_id, watcher=watcher)
    )


@operation(router, Operation.WATCH_SUBSCRIPTION, 429, **_STREAM)
async def watch_subscription(
    subscription: Subscription,
    service: Service,
    watcher: Acting,
    cancellation: Annotated[str | None, Query(max_length=400, description="one case alone")] = None,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """Follow the events of a subscription's cancellations, and of those of its lines."""
    return event_stream(
        await service.events.watch_subscription(
            subscription, cancellation=cancellation, after=last_event_id, watcher=watcher
        )
    )

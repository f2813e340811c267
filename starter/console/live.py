"""Live pages: the events of the cases that a person may see, forwarded to their browser."""

from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from domain.permissions import Operation, SubjectKind
from domain.vocabulary import Identifier
from starter.console.callers import Person, Service, permit
from starter.web.event_streams import event_stream

router = APIRouter()

LastEventId = Annotated[str | None, Header(max_length=100)]


@router.get("/events")
async def watch(person: Person, service: Service, last_event_id: LastEventId = None) -> StreamingResponse:
    """Follow the events of all cases that a person may see."""
    organizations = await service.access.organizations(person, Operation.WATCH_CANCELLATIONS, None)
    return event_stream(
        await service.events.watch_list(organizations=organizations, after=last_event_id, watcher=person.subject)
    )


@router.get("/subscriptions/{subscription}/events")
async def watch_case(
    subscription: Identifier,
    person: Person,
    service: Service,
    cancellation: Annotated[str | None, Query(max_length=400)] = None,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """Follow the events of a case."""
    await permit(service, person, (SubjectKind.SUBSCRIPTION, subscription), Operation.WATCH_SUBSCRIPTION)
    stream = await service.events.watch_subscription(
        subscription, cancellation=cancellation, after=last_event_id, watcher=person.subject
    )
    return event_stream(stream)

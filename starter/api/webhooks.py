"""Webhook endpoints: the systems that are notified, and what they were sent."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query

from contract import WebhookTested
from domain.permissions import Operation
from domain.webhooks import Endpoint, EndpointName, EndpointSecret
from starter.api import bodies, webhook_bodies
from starter.api.callers import AskedOnce, Service
from starter.api.routes import operation
from starter.service.webhooks import DeliveryPage, DeliveryState

router = APIRouter(tags=["webhooks"])

Named = Annotated[EndpointName, Path(description="the endpoint's name")]


@operation(router, Operation.LIST_WEBHOOKS)
async def webhooks(service: Service) -> Sequence[Endpoint]:
    """Return the endpoints, by name."""
    return await service.webhooks.list()


@operation(router, Operation.ADD_WEBHOOK, 409, status_code=201)
async def add(body: webhook_bodies.AddWebhook, asked: AskedOnce, service: Service) -> EndpointSecret:
    """Add an endpoint, which hears of what is recorded from now on; the answer alone has its secret."""
    return await service.webhooks.add(
        body.endpoint, url=body.url, events=body.events, duties=body.duties, owner=body.owner, **asked
    )


@operation(router, Operation.REMOVE_WEBHOOK, 404, 409)
async def remove(endpoint: Named, body: bodies.Reasoned, asked: AskedOnce, service: Service) -> Endpoint:
    """Send an endpoint nothing more, for good; what it is owed is given up."""
    return await service.webhooks.remove(endpoint, reason=body.reason, **asked)


@operation(router, Operation.ROTATE_WEBHOOK, 404, 409)
async def rotate(endpoint: Named, asked: AskedOnce, service: Service) -> EndpointSecret:
    """Give an endpoint another secret, which the answer alone has; the one before signs as well for a day."""
    return await service.webhooks.rotate(endpoint, **asked)


@operation(router, Operation.PAUSE_WEBHOOK, 404, 409)
async def pause(endpoint: Named, body: bodies.Reasoned, asked: AskedOnce, service: Service) -> Endpoint:
    """Keep the messages of an endpoint until it is resumed."""
    return await service.webhooks.pause(endpoint, reason=body.reason, **asked)


@operation(router, Operation.RESUME_WEBHOOK, 404, 409)
async def resume(endpoint: Named, body: bodies.Reasoned, asked: AskedOnce, service: Service) -> Endpoint:
    """Let messages go to an endpoint again, and have everything sent that it is owed."""
    return await service.webhooks.resume(endpoint, reason=body.reason, **asked)


@operation(router, Operation.TEST_WEBHOOK, 404, 409)
async def test(endpoint: Named, asked: AskedOnce, service: Service) -> WebhookTested:
    """Have an endpoint sent a message of trial, once, and return its answer."""
    return await service.webhooks.test(endpoint, **asked)


@operation(router, Operation.LIST_DELIVERIES, 404)
async def deliveries(
    endpoint: Named,
    service: Service,
    state: Annotated[list[DeliveryState] | None, Query(description="several: any of them")] = None,
    after: Annotated[int | None, Query(ge=1, le=2**62, description="the `next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DeliveryPage:
    """Return what an endpoint was sent and is owed, the newest first."""
    return await service.webhooks.deliveries(endpoint, states=state or (), after=after, limit=limit)


@operation(router, Operation.RESEND_WEBHOOKS, 404, 409, status_code=202)
async def resend(endpoint: Named, body: webhook_bodies.ResendWebhooks, asked: AskedOnce, service: Service) -> Endpoint:
    """Have messages sent to an endpoint again, under their ids: those that are named, or all since an instant."""
    return await service.webhooks.resend(
        endpoint,
        deliveries=body.deliveries,
        since=body.since,
        failed_only=body.failed_only,
        reason=body.reason,
        **asked,
    )

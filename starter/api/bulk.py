"""Bulk cancellations: planned, looked at, confirmed and steered."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from domain.bulk import BulkId, BulkState, RowState
from domain.permissions import Operation, is_permitted
from records.bulk.lists import BulkRowPage, BulkStatus, BulkSwitch, BulkView
from starter.api import bodies, bulk_bodies
from starter.api.callers import AskedOnce, Caller, Limited, Service
from starter.api.documents import a_form
from starter.api.routes import ACCEPTED, accepted, operation

router = APIRouter(tags=["bulk cancellations"])

Bulk = Annotated[BulkId, Path(description="the bulk's id")]


@operation(
    router,
    Operation.PLAN_BULK,
    *(404, 409, 413, 415, 429),
    of_several=True,
    status_code=202,
    responses=ACCEPTED,
    openapi_extra=a_form(bulk_bodies.PlanBulk),
)
async def plan(
    body: bulk_bodies.Planned,
    organizations: Limited,
    asked: AskedOnce,
    service: Service,
    request: Request,
    response: Response,
) -> BulkStatus:
    """Have rows judged, and start nothing; the answer says where the plan will be."""
    planned = await service.bulk.plan(
        csv=body.csv,
        source=body.name,
        organization=body.organization,
        answers=body.answers,
        attestation=body.attestation,
        reason_code=body.reason_code,
        reason=body.reason,
        at_once=body.at_once,
        per_minute=body.per_minute,
        organizations=organizations,
        **asked,
    )
    accepted(request, response, planned.bulk)
    return planned


@operation(router, Operation.LIST_BULKS, 404, of_several=True)
async def list_bulks(
    organizations: Limited,
    service: Service,
    state: Annotated[list[BulkState] | None, Query(description="any of these; all, if none is given")] = None,
    after: Annotated[BulkId | None, Query(description="the last bulk of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Sequence[BulkView]:
    """Return bulks, the last planned first."""
    return await service.bulk.list(states=state or (), organizations=organizations, after=after, limit=limit)


@operation(router, Operation.SHOW_BULK, 404, of_several=True)
async def status(bulk: Bulk, organizations: Limited, service: Service) -> BulkStatus:
    """Return what a plan would cost, and how far it is."""
    return await service.bulk.status(bulk, organizations=organizations)


@operation(router, Operation.LIST_BULK_ROWS, 404, of_several=True)
async def rows(
    bulk: Bulk,
    organizations: Limited,
    principal: Caller,
    service: Service,
    state: Annotated[list[RowState] | None, Query(description="any of these; all, if none is given")] = None,
    after: Annotated[int, Query(ge=0, le=1_000_000_000, description="the `next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> BulkRowPage:
    """Return rows by their numbers: what the plan shows of each, and its result.

    Who may confirm a bulk also sees what a row is to be started with: its answers, words and attestation, and its goodwill.
    """
    return await service.bulk.rows(
        bulk,
        states=state or (),
        organizations=organizations,
        shows_content=is_permitted(principal, Operation.CONFIRM_BULK),
        after=after,
        limit=limit,
    )


@operation(router, Operation.CONFIRM_BULK, 404, 409, of_several=True, status_code=202)
async def confirm(
    bulk: Bulk, body: bulk_bodies.ConfirmBulk, organizations: Limited, asked: AskedOnce, service: Service
) -> BulkStatus:
    """Confirm a plan exactly as it was shown, and have it carried out in the name of the caller."""
    return await service.bulk.confirm(
        bulk, digest=body.digest, reason=body.reason, organizations=organizations, **asked
    )


@operation(router, Operation.STOP_BULK, 404, 409, of_several=True)
async def stop(
    bulk: Bulk, body: bodies.Reasoned, organizations: Limited, asked: AskedOnce, service: Service
) -> BulkStatus:
    """Start nothing more until it is resumed."""
    return await service.bulk.stop(bulk, reason=body.reason, organizations=organizations, **asked)


@operation(router, Operation.RESUME_BULK, 404, 409, of_several=True, status_code=202)
async def resume(
    bulk: Bulk, body: bodies.Reasoned, organizations: Limited, asked: AskedOnce, service: Service
) -> BulkStatus:
    """Go on with a bulk that was stopped."""
    return await service.bulk.resume(bulk, reason=body.reason, organizations=organizations, **asked)


@operation(router, Operation.KILL_BULK, 404, 409, of_several=True)
async def kill(
    bulk: Bulk, body: bodies.Reasoned, organizations: Limited, asked: AskedOnce, service: Service
) -> BulkStatus:
    """End a bulk for good; nothing more is started."""
    return await service.bulk.kill(bulk, reason=body.reason, organizations=organizations, **asked)


@operation(router, Operation.SHOW_BULK_SWITCH)
async def switch(service: Service) -> BulkSwitch:
    """Return the kill switch of the installation."""
    return await service.bulk.switch()


@operation(router, Operation.SET_BULK_SWITCH, 409)
async def set_switch(body: bulk_bodies.SetBulkSwitch, asked: AskedOnce, service: Service) -> BulkSwitch:
    """Let no bulk of the installation start anything, or let them again."""
    return await service.bulk.set_switch(off=body.off, reason=body.reason, **asked)

"""Legal holds on organizations' data."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path

from domain.permissions import Operation
from records.legal_holds import Hold
from starter.api import bodies
from starter.api.callers import AskedOnce, Service, Visible
from starter.api.routes import Organization, operation

router = APIRouter(tags=["legal holds"])


@operation(router, Operation.LIST_HOLDS, of_several=True)
async def list_holds(organizations: Visible, service: Service, released: bool = False) -> Sequence[Hold]:
    """Return legal holds, the oldest first; released ones too, on request."""
    return await service.holds.list(organizations=organizations, released=released)


@operation(router, Operation.PLACE_HOLD, 404, 409, status_code=201)
async def place(organization: Organization, body: bodies.Reasoned, asked: AskedOnce, service: Service) -> Hold:
    """Place a legal hold on an organization's data, which is then not erased."""
    return await service.holds.place(organization, reason=body.reason, **asked)


@operation(router, Operation.RELEASE_HOLD, 404, 409)
async def release(
    hold: Annotated[int, Path(ge=1, le=2**31 - 1)], body: bodies.Reasoned, asked: AskedOnce, service: Service
) -> Hold:
    """Release a legal hold; closed cancellations that waited for it erase the data, if it was the last."""
    return await service.holds.release(hold, reason=body.reason, **asked)

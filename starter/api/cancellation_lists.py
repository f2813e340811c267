"""The cancellations of subscriptions: what there is to see of them, and what one would mean."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from contract import CancellationStatus
from domain.cancellation.waiting import Awaited
from domain.lines.quote import Quote
from domain.permissions import Operation
from domain.principals import Principal
from domain.vocabulary import Identifier, Stage, Termination
from records.cancellation.case_list import CasePage, SearchedText
from records.cancellation.lists import CaseHistory
from starter.api.callers import PermittedList, Service
from starter.api.paths import CASE, EVERYWHERE, SUBSCRIPTION, Number, Subscription, documented, named, permitted

router = APIRouter(tags=["cancellations"], responses=EVERYWHERE)


@router.get(CASE, response_model=CancellationStatus, **documented(Operation.SHOW_CANCELLATION, 404))
async def show(
    subscription: Subscription,
    number: Number,
    _: Annotated[Principal, permitted(Operation.SHOW_CANCELLATION)],
    service: Service,
) -> CancellationStatus:
    """Return the status of a cancellation: of its workflow while that runs, else of the record."""
    return await service.cancellations.status(subscription, cancellation=named(subscription, number))


@router.get(f"{SUBSCRIPTION}/history", response_model=CaseHistory, **documented(Operation.SHOW_HISTORY, 404))
async def history(
    subscription: Subscription,
    _: Annotated[Principal, permitted(Operation.SHOW_HISTORY)],
    service: Service,
) -> CaseHistory:
    """Return the audit trail of a subscription, its lines and its cancellations, the oldest entry first."""
    return await service.cancellations.history(subscription)


@router.get(f"{SUBSCRIPTION}/quote", response_model=Quote, **documented(Operation.QUOTE_CANCELLATION, 404, 409))
async def quote(
    subscription: Subscription,
    _: Annotated[Principal, permitted(Operation.QUOTE_CANCELLATION)],
    service: Service,
    received_on: Annotated[
        date | None, Query(description="a civil day in the organization's zone; today, if not given")
    ] = None,
    terminate_on: Annotated[
        date | Termination | None, Query(description="the last day of access, or a way without a date")
    ] = None,
    goodwill: bool = False,
) -> Quote:
    """Return what cancelling would mean; nothing is started."""
    return await service.cancellations.quote(
        subscription, received_on=received_on, terminate_on=terminate_on, goodwill=goodwill
    )


@router.get("/cancellations", response_model=CasePage, **documented(Operation.LIST_CANCELLATIONS))
async def list_cancellations(
    organizations: Annotated[frozenset[str] | None, Depends(PermittedList(Operation.LIST_CANCELLATIONS))],
    service: Service,
    stage: Annotated[list[Stage] | None, Query(description="any of these; all, if none is given")] = None,
    received_from: date | None = None,
    received_until: date | None = None,
    waits_for: Awaited | None = None,
    reason_code: Annotated[Identifier | None, Query()] = None,
    text: Annotated[SearchedText | None, Query(description="a part of an id, a description or a unique name")] = None,
    after: Annotated[str | None, Query(max_length=200, description="the `next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> CasePage:
    """Return a page of cancellations, the last received first."""
    return await service.cancellations.list(
        stages=stage or (),
        organizations=organizations,
        received_from=received_from,
        received_until=received_until,
        waits_for=waits_for,
        reason_code=reason_code,
        text=text,
        after=after,
        limit=limit,
    )

"""The cancellations as the records have them: lists, the report and histories."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from domain.cancellation.waiting import Awaited
from domain.permissions import Operation
from domain.vocabulary import CaseId, Identifier, Stage
from records.cancellation.case_list import CasePage
from records.cancellation.case_search import SearchedText
from records.cancellation.lists import MOST_ENTRIES, CaseHistory
from records.cancellation.report import CancellationReport
from records.messages import SentMessage
from starter.api.callers import Service, Visible
from starter.api.routes import Subscription, operation

router = APIRouter(tags=["cancellations"])


@operation(router, Operation.LIST_CANCELLATIONS, of_several=True)
async def list_cancellations(
    organizations: Visible,
    service: Service,
    cancellation: Annotated[list[CaseId] | None, Query(max_length=100, description="these alone")] = None,
    stage: Annotated[list[Stage] | None, Query(description="any of these; all, if none is given")] = None,
    received_from: date | None = None,
    received_until: date | None = None,
    deadline_until: Annotated[
        AwareDatetime | None, Query(description="the latest instant at which the stage ends by itself")
    ] = None,
    waits_for: Awaited | None = None,
    open_system_tasks: Annotated[
        bool, Query(description="true for those in which a registered system has not confirmed what it was asked for")
    ] = False,
    reason_code: Annotated[Identifier | None, Query()] = None,
    text: Annotated[
        SearchedText | None,
        Query(description="a part of an id, a description or a unique name; of one or two letters its beginning"),
    ] = None,
    after: Annotated[str | None, Query(max_length=200, description="the `next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    counted: Annotated[bool, Query(description="true to count all of them by stage, too")] = False,
) -> CasePage:
    """Return a page of cancellations, the last received first."""
    return await service.cancellations.list(
        cancellations=cancellation,
        stages=stage or (),
        organizations=organizations,
        received_from=received_from,
        received_until=received_until,
        deadline_until=deadline_until,
        waits_for=waits_for,
        open_system_tasks=open_system_tasks,
        reason_code=reason_code,
        text=text,
        after=after,
        limit=limit,
        counted=counted,
    )


@operation(router, Operation.REPORT_CANCELLATIONS, of_several=True)
async def report(
    organizations: Visible,
    service: Service,
    first: Annotated[date | None, Query(description="a day of the first month")] = None,
    last: Annotated[date | None, Query(description="a day of the last month")] = None,
) -> CancellationReport:
    """Return the outcomes of cancellations, by month of receipt and reason for leaving."""
    return await service.cancellations.report(first=first, last=last, organizations=organizations)


@operation(router, Operation.SHOW_HISTORY, 404)
async def history(
    subscription: Subscription,
    service: Service,
    after: Annotated[int, Query(ge=0, le=(1 << 63) - 1, description="the `next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = MOST_ENTRIES,
) -> CaseHistory:
    """Return a page of the audit trail of a subscription, its lines and its cancellations, the oldest entry first."""
    return await service.cancellations.history(subscription, after=after, limit=limit)


@operation(router, Operation.LIST_MESSAGES)
async def messages(
    subscription: Subscription, service: Service, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> Sequence[SentMessage]:
    """Return the newest mails and webhooks about a subscription's cancellations, newest first, without their texts."""
    return await service.cancellations.messages(subscription, limit=limit)

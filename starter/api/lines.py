"""Subscription lines, and the update of their dates: on request, by schedule, and taken back."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from contract import UpdateLineDates
from contract.lines import Name
from domain.cancellation.lifecycle import SubscriptionUnknown
from domain.lines.line import SubscriptionLine
from domain.lines.restoration import RunRestored
from domain.lines.runs import ContractUnknown, LineDatesProgress, Scope
from domain.permissions import Operation
from domain.vocabulary import Identifier
from records.lines.runs import ListedLine
from starter.api import bodies
from starter.api.callers import AskedOnce, Service, Visible
from starter.api.routes import ACCEPTED, Line, accepted, operation
from starter.service.line_schedule import ScheduleView
from starter.service.line_updates import RunView

router = APIRouter(tags=["subscription lines"])


@operation(router, Operation.LIST_LINES, 404, of_several=True)
async def list_lines(
    organizations: Visible,
    service: Service,
    customer_contract: Annotated[Name | None, Query()] = None,
    vendor_contract: Annotated[Name | None, Query()] = None,
    subscription: Annotated[Identifier | None, Query()] = None,
    line: Annotated[Identifier | None, Query(description="this one alone")] = None,
    due_as_of: Annotated[
        date | None, Query(description="only those that the nightly update of this day changes")
    ] = None,
    after: Annotated[str, Query(max_length=200, description="the id of the last line of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Sequence[ListedLine]:
    """Return lines by id."""
    scope = Scope(customer_contract=customer_contract, vendor_contract=vendor_contract, subscription=subscription)
    try:
        return await service.line_dates.list(
            scope, line=line, due_as_of=due_as_of, organizations=organizations, after=after, limit=limit
        )
    except (SubscriptionUnknown, ContractUnknown):
        if organizations is None:
            raise
        return []  # as what is there, and belongs to others


@operation(router, Operation.REOPEN_LINE, 404, 409)
async def reopen(line: Line, body: bodies.Reasoned, asked: AskedOnce, service: Service) -> SubscriptionLine:
    """Take away the end date of a line that no case has set."""
    return await service.line_dates.reopen(line, reason=body.reason, **asked)


@operation(router, Operation.LIST_RUNS)
async def runs(service: Service, limit: Annotated[int, Query(ge=1, le=1000)] = 10) -> Sequence[LineDatesProgress]:
    """Return the newest runs of the update, the newest first."""
    return await service.line_dates.runs(limit)


@operation(router, Operation.BEGIN_LINE_UPDATE, 404, 409, status_code=202, responses=ACCEPTED)
async def begin_update(
    body: bodies.BeginUpdate, asked: AskedOnce, service: Service, request: Request, response: Response
) -> RunView:
    """Update the dates of lines now; the answer says where its progress is shown."""
    content = body.model_dump(mode="json")
    await service.access.claim(Operation.BEGIN_LINE_UPDATE, **asked, wish=content)
    name = await service.line_dates.begin(
        UpdateLineDates(**body.model_dump(), actor=asked["actor"]), request_id=asked["request_id"]
    )
    accepted(request, response, name)
    return await service.line_dates.progress(name)


@operation(router, Operation.SHOW_LINE_UPDATE, 404, 409)
async def show_update(name: Annotated[str, Path(max_length=1000)], service: Service) -> RunView:
    """Return how far an update on request is; the refusal, if it was refused."""
    return await service.line_dates.progress(name)


@operation(router, Operation.RESTORE_RUN, 404, 409)
async def restore(body: bodies.RestoreRun, asked: AskedOnce, service: Service) -> RunRestored:
    """Take back what a run changed on lines that were not changed since."""
    return await service.line_dates.restore(body.run, reason=body.reason, **asked)


@operation(router, Operation.SHOW_SCHEDULE, 404)
async def schedule(service: Service) -> ScheduleView:
    """Return the schedule of the nightly update."""
    return await service.line_dates.schedule()


@operation(router, Operation.ENSURE_SCHEDULE, 409)
async def ensure_schedule(body: bodies.EnsureSchedule, asked: AskedOnce, service: Service) -> ScheduleView:
    """Create the schedule, or bring it up to date; a pause stays."""
    return await service.line_dates.ensure_schedule(body.zone, **asked)


@operation(router, Operation.PAUSE_SCHEDULE, 404, 409)
async def pause(body: bodies.Noted, asked: AskedOnce, service: Service) -> ScheduleView:
    """Pause the nightly update; the next run catches up on what it misses."""
    return await service.line_dates.pause(body.note, **asked)


@operation(router, Operation.RESUME_SCHEDULE, 404, 409)
async def resume(body: bodies.Noted, asked: AskedOnce, service: Service) -> ScheduleView:
    """Resume the nightly update."""
    return await service.line_dates.resume(body.note, **asked)


@operation(router, Operation.BACKFILL, 404, 409, status_code=202)
async def backfill(body: bodies.Backfill, asked: AskedOnce, service: Service) -> ScheduleView:
    """Run the update of each night from the first day to the last, one after the other."""
    return await service.line_dates.backfill(body.first, body.last, force=body.force, **asked)

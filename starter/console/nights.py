"""The nightly runs of the update, and its schedule."""

from fastapi import APIRouter, Request, Response

from domain.lines.runs import LineDatesProgress
from domain.permissions import Operation
from domain.principals import Principal
from domain.refusals import Refusal, RefusalDetails
from starter.console.actions import nights
from starter.console.callers import Person, Service, permit
from starter.console.charts import stacked
from starter.console.pages import page
from starter.console.refused import Refused
from starter.service import Offramp
from starter.service.line_schedule import ScheduleMissing, ScheduleView

router = APIRouter()

MOST_RUNS = 30
_KINDS = ("rolled", "closed", "failed", "locked")


@router.get("/nights")
async def show(request: Request, person: Person, service: Service) -> Response:
    """Return the newest runs, and the schedule with its coming ones."""
    return await nights_page(request, person, service)


async def nights_page(
    request: Request, person: Principal, service: Offramp, refused: Refused | None = None
) -> Response:
    """Return the page, with an action that was refused, if one was."""
    await permit(service, person, None, Operation.LIST_RUNS, Operation.SHOW_SCHEDULE)
    runs = await service.line_dates.runs(MOST_RUNS)
    schedule, silent = await _schedule(service)
    offers = nights.offers(schedule, runs) if silent is None else ()
    return page(
        request,
        "nights.html.j2",
        status=refused.status if refused else 200,
        runs=runs,
        schedule=schedule,
        silent=silent,
        chart=stacked([(f"{run.as_of:%m-%d}", _numbers(run)) for run in reversed(runs)], _KINDS),
        offers=[offer for offer in offers if offer.is_for(person.roles)],
        refused=refused,
        back="/nights",
    )


async def _schedule(service: Offramp) -> tuple[ScheduleView | None, RefusalDetails | None]:
    """Return the schedule, None where there is none, and why nobody knows while Temporal does not answer."""
    try:
        return await service.line_dates.schedule(), None
    except ScheduleMissing:
        return None, None
    except Refusal as silent:
        return None, silent.details


def _numbers(run: LineDatesProgress) -> dict[str, int]:
    return {"rolled": run.rolled, "closed": run.closed, "failed": run.failed, "locked": run.busy}

"""The pages of the areas: what each shows, and the forms of the actions that a person may take there."""

from urllib.parse import unquote, urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from domain.principals import Principal
from domain.refusals import Refusal
from starter.console.areas.area import Look, View
from starter.console.areas.table import AREAS, area_at, areas_for
from starter.console.callers import Person, Service
from starter.console.content import NotRead, Section, Shown
from starter.console.pages import INSTALLATION, page
from starter.console.refused import Refused
from starter.service import Offramp
from starter.web.refusals import NothingThere

router = APIRouter()


@router.get(INSTALLATION)
async def first(person: Person, service: Service) -> Response:
    """Lead to the first area that somebody has something to see in. Raises NothingThere."""
    areas = areas_for(person, service)
    if not areas:
        raise NothingThere
    return RedirectResponse(areas[0].path, status_code=303)


async def show(request: Request, person: Person, service: Service) -> Response:
    """Return a page of an area."""
    return await area_page(request.url.path, dict(request.query_params), request, person, service)


for _area in AREAS:
    router.add_api_route(_area.path, show)
    router.add_api_route(f"{_area.path}/{{about:path}}", show)


async def area_page(
    path: str,
    query: dict[str, str],
    request: Request,
    person: Principal,
    service: Offramp,
    *,
    refused: Refused | None = None,
    shown: Shown | None = None,
) -> Response:
    """Return a page of an area, with an action that was refused, or what one has led to. Raises NothingThere."""
    found = area_at(path)
    if found is None:
        raise NothingThere
    area, about = found
    try:
        view = await area.view(Look(service, person, unquote(about), query))
    except Refusal as refusal:
        if shown is None:
            raise
        # What was done is done, and some of it is shown but once.
        view = View(area.title, "", [Section("read", area.title, [NotRead(refusal.details)])])
    areas = areas_for(person, service)
    asked = urlencode({name: value for name, value in query.items() if name != "done"})
    return page(
        request,
        "area.html.j2",
        status=refused.status if refused else 200,
        area=area,
        about=about,
        areas=areas if area in areas else (),
        view=view,
        offers=[offer for offer in view.offers if offer.is_for(person.roles)],
        refused=refused,
        shown=shown,
        here=INSTALLATION if area in areas else area.path,
        back=f"{path}?{asked}" if asked else path,
        every=2 if view.goes_on else None,
    )

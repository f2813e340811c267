"""The actions as requests: checked against the table of permissions, done once, and answered on the page they were asked on."""

from typing import Annotated
from urllib.parse import parse_qs, unquote, urlsplit

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from domain.permissions import Operation, refuse_unless_permitted
from domain.principals import Principal
from domain.refusals import Refusal
from starter.console.actions.action import Action
from starter.console.actions.table import ACTIONS
from starter.console.areas.table import area_at
from starter.console.callers import Person, Sent, Service, permit
from starter.console.cases import case_page
from starter.console.content import Shown
from starter.console.forms import BACK
from starter.console.installation import area_page
from starter.console.marketing import marketing_page
from starter.console.nights import nights_page
from starter.console.pages import refusal_page
from starter.console.paths import MARKETING
from starter.console.quotes import Wished, quote_page
from starter.console.refused import Refused
from starter.console.sign_in import own_path
from starter.service import Offramp
from starter.web.refusals import NothingThere

router = APIRouter()


async def action_of(operation: str) -> Action:
    """Return the action of an address, before anything of its form is read. Raises NothingThere."""
    if operation not in ACTIONS:
        raise NothingThere
    return ACTIONS[Operation(operation)]


@router.post("/actions/{operation}")
async def perform(
    operation: str,
    request: Request,
    person: Person,
    action: Annotated[Action, Depends(action_of)],
    given: Sent,
    service: Service,
) -> Response:
    """Do what a form asks for, once under its key, and lead to what it has led to; a refusal is shown where it was asked for."""
    back = own_path(given.optional(BACK) or "/")
    try:
        asked = action.asked(service, given, person)
        await _permit(action, asked.subject, person, service)
        leads_to = await action.perform(asked)
    except Refusal as refusal:
        return await _refused(back, request, person, service, Refused.of(given, refusal))
    if isinstance(leads_to, Shown):
        path, query = _parts(back)
        return await area_page(path, query, request, person, service, shown=leads_to)
    done = leads_to or back
    return RedirectResponse(f"{done}{'&' if '?' in done else '?'}done={operation}", status_code=303)


async def _permit(action: Action, subject: str, person: Principal, service: Offramp) -> None:
    """Refuse an action that a person may not do to what it is about. Raises RoleMissing, OrganizationNotPermitted."""
    if action.of_several:
        refuse_unless_permitted(person, action.operation)
    else:
        await permit(service, person, (action.kind, subject) if action.kind else None, action.operation)


async def _refused(back: str, request: Request, person: Principal, service: Offramp, refused: Refused) -> Response:
    """Return the page on which an action was asked for, with its refusal; the refusal alone where that cannot be shown."""
    path, query = _parts(back)
    try:
        if path.startswith("/cases/"):
            return await case_page(unquote(path.removeprefix("/cases/")), request, person, service, refused)
        if path == MARKETING:
            return await marketing_page(query.get("organization", ""), request, person, service, refused)
        if path == "/quote":
            wished = Wished.of(query)
            return await quote_page(wished, request, person, service, refused)
        if path == "/nights":
            return await nights_page(request, person, service, refused)
        if area_at(path) is not None:
            return await area_page(path, query, request, person, service, refused=refused)
    except Refusal:
        pass
    return refusal_page(request, refused.refusal)


def _parts(back: str) -> tuple[str, dict[str, str]]:
    """Return the path of an address, and its query."""
    parts = urlsplit(back)
    return parts.path, {name: values[-1] for name, values in parse_qs(parts.query).items()}

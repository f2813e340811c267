"""The actions as requests: checked against the table of permissions, done once, and answered on the page they were asked on."""

from collections.abc import Mapping
from urllib.parse import parse_qs, unquote, urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from domain.permissions import Operation
from domain.principals import Principal
from domain.refusals import Refusal
from starter.console.actions import cases as case_actions
from starter.console.actions import hand_overs, installation
from starter.console.actions import marketing as marketing_actions
from starter.console.actions.action import Action
from starter.console.callers import Person, Sent, Service, permit
from starter.console.cases import case_page
from starter.console.forms import BACK
from starter.console.marketing import PATH as MARKETING
from starter.console.marketing import marketing_page
from starter.console.nights import nights_page
from starter.console.pages import refusal_page
from starter.console.quotes import Wished, quote_page
from starter.console.refused import Refused
from starter.console.sign_in import own_path
from starter.service import Offramp
from starter.web.refusals import NothingThere

router = APIRouter()

ACTIONS: Mapping[Operation, Action] = {
    action.operation: action
    for action in (*case_actions.ACTIONS, *hand_overs.ACTIONS, *marketing_actions.ACTIONS, *installation.ACTIONS)
}
"""Every action of the console."""


@router.post("/actions/{operation}")
async def perform(operation: str, request: Request, person: Person, given: Sent, service: Service) -> Response:
    """Do what a form asks for, once under its key, and lead to what it has led to; a refusal is shown where it was asked for."""
    if operation not in ACTIONS:
        raise NothingThere
    action = ACTIONS[Operation(operation)]
    back = own_path(given.optional(BACK) or "/")
    try:
        asked = action.asked(service, given, person.subject)
        await permit(service, person, (action.kind, asked.subject) if action.kind else None, action.operation)
        leads_to = await action.perform(asked)
    except Refusal as refusal:
        return await _refused(back, request, person, service, Refused.of(given, refusal))
    done = leads_to or back
    return RedirectResponse(f"{done}{'&' if '?' in done else '?'}done={operation}", status_code=303)


async def _refused(back: str, request: Request, person: Principal, service: Offramp, refused: Refused) -> Response:
    """Return the page on which an action was asked for, with its refusal; the refusal alone where that cannot be shown."""
    parts = urlsplit(back)
    try:
        if parts.path.startswith("/cases/"):
            return await case_page(unquote(parts.path.removeprefix("/cases/")), request, person, service, refused)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if parts.path == MARKETING:
            return await marketing_page(query.get("organization", ""), request, person, service, refused)
        if parts.path == "/quote":
            wished = Wished.of(query)
            return await quote_page(wished, request, person, service, refused)
        if parts.path == "/nights":
            return await nights_page(request, person, service, refused)
    except Refusal:
        pass
    return refusal_page(request, refused.refusal)

"""The page of one case."""

from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from contract import CancellationStatus
from domain.cases import CaseRef
from domain.lines.quote import Quote
from domain.permissions import Operation, SubjectKind
from domain.principals import Principal
from domain.vocabulary import Identifier
from starter.console.actions import cases as case_actions
from starter.console.actions import hand_overs
from starter.console.actions.action import Offer
from starter.console.callers import Person, Service, permit
from starter.console.case_view import CaseView, case_view, workflow_url
from starter.console.pages import page
from starter.console.paths import case_path
from starter.console.refused import Refused
from starter.service import Offramp
from starter.web.refusals import NothingThere

router = APIRouter()


@router.get("/cases/{case:path}")
async def show(case: str, request: Request, person: Person, service: Service) -> Response:
    """Return the page of a case."""
    return await case_page(case, request, person, service)


@router.get("/subscriptions/{subscription}")
async def newest(subscription: Identifier, person: Person, service: Service) -> Response:
    """Lead to the newest case of a subscription. Raises CancellationUnknown."""
    await permit(service, person, (SubjectKind.SUBSCRIPTION, subscription), Operation.SHOW_CANCELLATION)
    status = await service.cancellations.status(subscription)
    return RedirectResponse(case_path(status.cancellation), status_code=303)


@router.get("/lines/{line}")
async def newest_of_line(line: Identifier, person: Person, service: Service) -> Response:
    """Lead to the newest case of a line alone. Raises LineNeverCancelled."""
    await permit(service, person, (SubjectKind.LINE, line), Operation.SHOW_LINE_CANCELLATION)
    status = await service.line_cancellations.status(line)
    return RedirectResponse(case_path(status.cancellation), status_code=303)


async def case_page(
    case: str, request: Request, person: Principal, service: Offramp, refused: Refused | None = None
) -> Response:
    """Return the page of a case, with an action that was refused, if one was. Raises NothingThere, CancellationUnknown."""
    try:
        ref = CaseRef.parse(case)
    except ValueError:
        raise NothingThere from None
    if ref.subscription is None:
        raise NothingThere
    view = await case_view(service, person, ref)
    status = view.status
    return page(
        request,
        "case.html.j2",
        status=refused.status if refused else 200,
        view=view,
        case=status,
        zone=status.time_zone,
        of_subscription=isinstance(status, CancellationStatus),
        offers=[offer for offer in _offers(view) if offer.is_for(person.roles)],
        refused=refused,
        back=case_path(ref.id),
        workflow=workflow_url(request.app.state.temporal_ui, request.app.state.namespace, ref),
        events=f"/subscriptions/{quote(status.subscription)}/events?cancellation={quote(ref.id, safe='')}",
    )


def _offers(view: CaseView) -> list[Offer]:
    proposal = view.status.proposal
    goodwill = _in_words(proposal.quote, view.status.quote) if proposal else ""
    return [
        *case_actions.offers(view.status, shows_goodwill=goodwill),
        *hand_overs.offers(view.status, view.migration, view.holds),
    ]


def _in_words(proposed: Quote, regular: Quote | None) -> str:
    """Return what a goodwill would do, beside what happens without it."""
    ends = {line.decision.line_id: line.decision.end_date for line in regular.lines} if regular else {}
    parts = []
    for line in proposed.lines:
        end, without = line.decision.end_date, ends.get(line.decision.line_id)
        instead = f" instead of {without}" if without not in (None, end) else ""
        parts.append(f"billing of line {line.decision.line_id} ends on {end}{instead}")
    memos = ", ".join(proposed.credit_memos)
    return f"With it, {'; '.join(parts)}. " + (
        f"Credit memos are needed for {memos}." if memos else "No credit memo is needed."
    )

"""The page of an organization's marketing service: its newest cancellation alone, and what can be done about it."""

from fastapi import APIRouter, Request, Response

from contract import MarketingCancellationStatus
from domain.cases import CaseRef
from domain.permissions import Operation, SubjectKind
from domain.principals import Principal
from domain.refusals import Refusal, RefusalDetails
from starter.console.actions import marketing
from starter.console.callers import Person, Service, permit
from starter.console.case_view import workflow_url
from starter.console.pages import page
from starter.console.paths import MARKETING as PATH
from starter.console.refused import Refused
from starter.service import Offramp
from starter.web.statuses import status_of

router = APIRouter()

_NEVER_CANCELLED = "marketing_cancellation_unknown"


@router.get(PATH)
async def show(request: Request, person: Person, service: Service, organization: str = "") -> Response:
    """Return the form, and the marketing service as soon as it names an organization."""
    return await marketing_page(organization, request, person, service)


async def marketing_page(
    organization: str, request: Request, person: Principal, service: Offramp, refused: Refused | None = None
) -> Response:
    """Return the page, with an action that was refused, if one was."""
    organization = organization.strip()[:100]
    status: MarketingCancellationStatus | None = None
    refusal: RefusalDetails | None = None
    if organization:
        try:
            await permit(
                service, person, (SubjectKind.ORGANIZATION, organization), Operation.SHOW_MARKETING_CANCELLATION
            )
            status = await service.marketing.status(organization)
        except Refusal as found:
            refusal = None if found.details.code == _NEVER_CANCELLED else found.details
    is_found = bool(organization) and refusal is None
    offers = marketing.offers(organization, status) if is_found else ()
    ui, namespace = request.app.state.temporal_ui, request.app.state.namespace
    return page(
        request,
        "marketing.html.j2",
        status=refused.status if refused else status_of(refusal.code) if refusal else 200,
        organization=organization,
        is_found=is_found,
        case=status,
        refusal=refusal,
        offers=[offer for offer in offers if offer.is_for(person.roles)],
        refused=refused,
        back=f"{PATH}?organization={organization}" if is_found else PATH,
        workflow=workflow_url(ui, namespace, CaseRef.parse(status.cancellation)) if status else None,
    )

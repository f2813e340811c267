"""Marketing services cancelled alone, and the campaigns that the ad centre stops."""

from fastapi import APIRouter, Request, Response

from contract import MarketingCancellationStatus, StartMarketingCancellation
from contract.common import Attestation
from domain.permissions import Operation
from starter.api import bodies
from starter.api.callers import AskedOnce, Service
from starter.api.case_areas import CaseArea, add_verification, started
from starter.api.routes import MORE, Campaign, Organization, operation
from starter.service import Offramp
from starter.service.marketing import StopStatus

router = APIRouter(tags=["marketing services"])


async def _case(_: Offramp, organization: str, number: str) -> str | None:
    return None if number == "newest" else f"{organization}/marketing/{number}"


add_verification(
    router,
    CaseArea(
        "organization",
        MarketingCancellationStatus,
        {
            "send_code": Operation.SEND_MARKETING_CODE,
            "verify_code": Operation.VERIFY_MARKETING_CODE,
            "attest": Operation.ATTEST_MARKETING,
        },
        _case,
    ),
    lambda service: service.marketing,
)


@operation(
    router,
    Operation.CANCEL_MARKETING_SERVICE,
    *MORE,
    status_code=201,
    responses={200: {"model": MarketingCancellationStatus}},
)
async def cancel(
    organization: Organization,
    body: bodies.CancelMarketing,
    asked: AskedOnce,
    service: Service,
    request: Request,
    response: Response,
) -> MarketingCancellationStatus:
    """Start the cancellation of a marketing service alone. Where one runs already, that is the answer, with status 200."""
    message = StartMarketingCancellation(
        organization=organization,
        administrator=body.administrator,
        campaign_actions=body.campaign_actions,
        attestation=Attestation(reason=body.attestation) if body.attestation else None,
        reason=body.reason,
        **asked,
    )
    status = await service.marketing.cancel(message, receipt=bodies.stated(body.receipt))
    started(request, response, status, asked["request_id"])
    return status


@operation(router, Operation.SHOW_MARKETING_CANCELLATION, 404)
async def show(organization: Organization, service: Service) -> MarketingCancellationStatus:
    """Return the status of the newest cancellation of a marketing service alone."""
    return await service.marketing.status(organization)


@operation(router, Operation.ACKNOWLEDGE_STOP, 404, 409)
async def acknowledge_stop(campaign: Campaign, asked: AskedOnce, service: Service) -> StopStatus:
    """Pass on that the ad centre has stopped a campaign."""
    return await service.marketing.acknowledge_stop(campaign, **asked)

"""The cancellations of subscriptions."""

from fastapi import APIRouter, Request, Response

from contract import CancellationStatus, StartCancellation, SystemTasksStatus
from contract.cancellation import Goodwill
from contract.common import Attestation
from domain.marketing import ConsentNotAwaited
from domain.permissions import Operation, refuse_task_of_another
from records.marketing.lists import RequestedConsent
from starter.api import bodies
from starter.api.callers import AskedOnce, Service
from starter.api.case_areas import CaseArea, add_verification, started
from starter.api.reversible import add_requests
from starter.api.routes import MORE, Number, Subscription, named, operation
from starter.service import Offramp

router = APIRouter(tags=["cancellations"])


async def _case(_: Offramp, subscription: str, number: str) -> str | None:
    return named(subscription, number)


_AREA = CaseArea(
    "subscription",
    CancellationStatus,
    {
        "quote": Operation.QUOTE_CANCELLATION,
        "status": Operation.SHOW_CANCELLATION,
        "answer": Operation.ANSWER,
        "send_code": Operation.SEND_CODE,
        "verify_code": Operation.VERIFY_CODE,
        "attest": Operation.ATTEST,
        "approve": Operation.APPROVE,
        "correct": Operation.CORRECT,
        "withdraw": Operation.WITHDRAW,
        "reverse": Operation.REVERSE,
    },
    _case,
)
add_verification(router, _AREA, lambda service: service.cancellations)
add_requests(router, _AREA, lambda service: service.cancellations)


@operation(router, Operation.START_CANCELLATION, *MORE, status_code=201, responses={200: {"model": CancellationStatus}})
async def start(
    subscription: Subscription,
    body: bodies.Start,
    asked: AskedOnce,
    service: Service,
    request: Request,
    response: Response,
) -> CancellationStatus:
    """Start a cancellation. Where one runs already, that is the answer, with status 200: its `request_id` is another."""
    message = StartCancellation(
        subscription=subscription,
        answers=body.answers,
        campaign_actions=body.campaign_actions,
        attestation=Attestation(reason=body.attestation) if body.attestation else None,
        goodwill=Goodwill(reason=body.goodwill) if body.goodwill else None,
        reason=body.reason,
        reason_code=body.reason_code,
        **asked,
    )
    status = await service.cancellations.start(message, receipt=bodies.stated(body.receipt))
    started(request, response, status, asked["request_id"])
    return status


@operation(router, Operation.CONFIRM_TASK, 404, 409)
async def confirm_task(
    subscription: Subscription,
    number: Number,
    body: bodies.ConfirmTask,
    asked: AskedOnce,
    service: Service,
    request: Request,
) -> SystemTasksStatus:
    """Confirm that a registered system has done what a cancellation asked of it."""
    refuse_task_of_another(request.state.principal, body.system)
    case = named(subscription, number) or (await service.cancellations.status(subscription)).cancellation
    return await service.cancellations.confirm_task(case, body.system, body.task, **asked)


@operation(router, Operation.SHOW_CONSENT, 404, 409)
async def consent(subscription: Subscription, number: Number, service: Service) -> RequestedConsent:
    """Return the consent that the marketing service's own administrator is asked for."""
    case = named(subscription, number) or (await service.cancellations.status(subscription)).cancellation
    found = await service.cancellations.requested_consent(case)
    if found is None:
        raise ConsentNotAwaited(case, None)
    return found


@operation(router, Operation.GIVE_CONSENT, *MORE)
async def give_consent(
    subscription: Subscription, number: Number, body: bodies.Decide, asked: AskedOnce, service: Service
) -> CancellationStatus:
    """Pass on the answer of the marketing service's own administrator."""
    return await service.cancellations.consent(
        subscription,
        body.decision,
        because=body.because,
        cancellation=named(subscription, number),
        link=None,
        **asked,
    )

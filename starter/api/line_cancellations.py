"""The cancellations of single subscription lines, while their subscription goes on."""

from fastapi import APIRouter, Request, Response

from contract import LineCancellationStatus, StartLineCancellation
from contract.cancellation import Goodwill
from contract.common import Attestation
from domain.permissions import Operation
from starter.api import bodies
from starter.api.callers import AskedOnce, Service
from starter.api.case_areas import CaseArea, add_verification, started
from starter.api.reversible import add_requests
from starter.api.routes import MORE, Line, operation
from starter.service import Offramp

router = APIRouter(tags=["cancellations of lines"])


async def _case(service: Offramp, line: str, number: str) -> str | None:
    return None if number == "newest" else await service.access.case_of_line(line, int(number))


_AREA = CaseArea(
    "line",
    LineCancellationStatus,
    {
        "quote": Operation.QUOTE_LINE,
        "status": Operation.SHOW_LINE_CANCELLATION,
        "answer": Operation.ANSWER_LINE,
        "send_code": Operation.SEND_LINE_CODE,
        "verify_code": Operation.VERIFY_LINE_CODE,
        "attest": Operation.ATTEST_LINE,
        "approve": Operation.APPROVE_LINE,
        "correct": Operation.CORRECT_LINE,
        "withdraw": Operation.WITHDRAW_LINE,
        "reverse": Operation.REVERSE_LINE,
    },
    _case,
)
add_verification(router, _AREA, lambda service: service.line_cancellations)
add_requests(router, _AREA, lambda service: service.line_cancellations)


@operation(
    router,
    Operation.START_LINE_CANCELLATION,
    *MORE,
    status_code=201,
    responses={200: {"model": LineCancellationStatus}},
)
async def start(
    line: Line,
    body: bodies.StartLine,
    asked: AskedOnce,
    service: Service,
    request: Request,
    response: Response,
) -> LineCancellationStatus:
    """Start the cancellation of a line alone. Where one runs already, that is the answer, with status 200."""
    message = StartLineCancellation(
        subscription_line=line,
        answers=body.answers,
        attestation=Attestation(reason=body.attestation) if body.attestation else None,
        goodwill=Goodwill(reason=body.goodwill) if body.goodwill else None,
        reason=body.reason,
        reason_code=body.reason_code,
        **asked,
    )
    status = await service.line_cancellations.start(message, receipt=bodies.stated(body.receipt))
    started(request, response, status, asked["request_id"])
    return status

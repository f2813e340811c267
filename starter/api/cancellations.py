"""The cancellations of subscriptions: what people ask for, each request once under its key."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Response

from contract import CancellationStatus, StartCancellation
from contract.cancellation import Goodwill
from contract.common import Attestation
from domain.permissions import Operation
from domain.principals import Principal
from starter.api import bodies
from starter.api.callers import IdempotencyKey, Service
from starter.api.paths import CASE, CASES, EVERYWHERE, Number, Subscription, documented, named, permitted
from starter.service.receipts import StatedReceipt

router = APIRouter(tags=["cancellations"], responses=EVERYWHERE)

_WRITES: Mapping[str, Any] = {"status_code": 200, "response_model": CancellationStatus}
_MORE = (404, 409, 429)


@router.post(
    CASES,
    status_code=201,
    response_model=CancellationStatus,
    **(documented(Operation.START_CANCELLATION, *_MORE)),
)
async def start(
    subscription: Subscription,
    body: bodies.Start,
    key: IdempotencyKey,
    principal: Annotated[Principal, permitted(Operation.START_CANCELLATION)],
    service: Service,
    response: Response,
) -> CancellationStatus:
    """Start a cancellation. Where one runs already, that is the answer, with status 200: its `request_id` is another."""
    message = StartCancellation(
        actor=principal.subject,
        subscription=subscription,
        request_id=key,
        answers=body.answers,
        campaign_actions=body.campaign_actions,
        attestation=Attestation(reason=body.attestation) if body.attestation else None,
        goodwill=Goodwill(reason=body.goodwill) if body.goodwill else None,
        reason=body.reason,
        reason_code=body.reason_code,
    )
    status = await service.cancellations.start(message, receipt=_stated(body.receipt))
    response.headers["location"] = (
        f"/v1/subscriptions/{subscription}/cancellations/{status.cancellation.rpartition('/')[2]}"
    )
    if status.request_id != key:
        response.status_code = 200
    return status


@router.post(f"{CASE}/answers", **_WRITES, **documented(Operation.ANSWER, *_MORE))
async def answer(
    subscription: Subscription,
    number: Number,
    body: bodies.AnswerQuestions,
    key: IdempotencyKey,
    principal: Annotated[Principal, permitted(Operation.ANSWER)],
    service: Service,
) -> CancellationStatus:
    """Answer questions of the checklist: all of them are taken, or none."""
    return await service.cancellations.answer(
        subscription,
        body.answers,
        campaign_actions=body.campaign_actions,
        actor=principal.subject,
        cancellation=named(subscription, number),
        request_id=key,
    )


@router.post(f"{CASE}/codes", **_WRITES, **documented(Operation.SEND_CODE, *_MORE))
async def send_code(
    subscription: Subscription,
    number: Number,
    key: IdempotencyKey,
    principal: Annotated[Principal, permitted(Operation.SEND_CODE)],
    service: Service,
) -> CancellationStatus:
    """Mail a one-time code to the billing administrator on record."""
    return await service.cancellations.send_code(
        subscription, actor=principal.subject, cancellation=named(subscription, number), request_id=key
    )


@router.post(f"{CASE}/tries", **_WRITES, **documented(Operation.VERIFY_CODE, *_MORE))
async def verify_code(
    subscription: Subscription,
    number: Number,
    body: bodies.TryCode,
    key: IdempotencyKey,
    principal: Annotated[Principal, permitted(Operation.VERIFY_CODE)],
    service: Service,
) -> CancellationStatus:
    """Verify the billing administrator by the code that they have received."""
    return await service.cancellations.verify_code(
        subscription,
        body.code,
        actor=principal.subject,
        cancellation=named(subscription, number),
        request_id=key,
    )


@router.post(f"{CASE}/attestations", **_WRITES, **documented(Operation.ATTEST, *_MORE))
async def attest(
    subscription: Subscription,
    number: Number,
    body: bodies.AttestRequest,
    key: IdempotencyKey,
    principal: Annotated[Principal, permitted(Operation.ATTEST)],
    service: Service,
) -> CancellationStatus:
    """Give the caller's word that the request comes from the billing administrator."""
    return await service.cancellations.attest(
        subscription,
        actor=principal.subject,
        reason=body.reason,
        cancellation=named(subscription, number),
        request_id=key,
    )


@router.post(f"{CASE}/approvals", **_WRITES, **documented(Operation.APPROVE, *_MORE))
async def approve(
    subscription: Subscription,
    number: Number,
    body: bodies.ApproveGoodwill,
    key: IdempotencyKey,
    principal: Annotated[Principal, permitted(Operation.APPROVE)],
    service: Service,
) -> CancellationStatus:
    """Approve, as a second person, the goodwill that was asked for."""
    return await service.cancellations.approve(
        subscription,
        actor=principal.subject,
        reason=body.reason,
        proposal=body.proposal,
        cancellation=named(subscription, number),
        request_id=key,
    )


@router.post(f"{CASE}/corrections", **_WRITES, **documented(Operation.CORRECT, *_MORE))
async def correct(
    subscription: Subscription,
    number: Number,
    body: bodies.CorrectRequest,
    key: IdempotencyKey,
    principal: Annotated[Principal, permitted(Operation.CORRECT)],
    service: Service,
) -> CancellationStatus:
    """Record other wishes of the customer before the cancellation takes effect."""
    return await service.cancellations.correct(
        subscription,
        actor=principal.subject,
        reason=body.reason,
        answers=body.answers,
        campaign_actions=body.campaign_actions,
        goodwill=body.goodwill,
        without_goodwill=body.without_goodwill,
        cancellation=named(subscription, number),
        request_id=key,
    )


@router.post(f"{CASE}/withdrawals", **_WRITES, **documented(Operation.WITHDRAW, *_MORE))
async def withdraw(
    subscription: Subscription,
    number: Number,
    body: bodies.WithdrawRequest,
    key: IdempotencyKey,
    principal: Annotated[Principal, permitted(Operation.WITHDRAW)],
    service: Service,
) -> CancellationStatus:
    """Withdraw a cancellation that has not taken effect."""
    return await service.cancellations.withdraw(
        subscription,
        actor=principal.subject,
        reason=body.reason,
        receipt=_stated(body.receipt),
        cancellation=named(subscription, number),
        request_id=key,
    )


@router.post(f"{CASE}/reversals", **_WRITES, **documented(Operation.REVERSE, *_MORE))
async def reverse(
    subscription: Subscription,
    number: Number,
    body: bodies.ReverseRequest,
    key: IdempotencyKey,
    principal: Annotated[Principal, permitted(Operation.REVERSE)],
    service: Service,
) -> CancellationStatus:
    """Reverse a cancellation within its window; the identity must be that of the cancellation."""
    return await service.cancellations.reverse(
        subscription,
        body.identity,
        actor=principal.subject,
        reason=body.reason,
        receipt=_stated(body.receipt),
        cancellation=named(subscription, number),
        request_id=key,
    )


@router.post(f"{CASE}/consents", **_WRITES, **documented(Operation.GIVE_CONSENT, *_MORE))
async def consent(
    subscription: Subscription,
    number: Number,
    body: bodies.Decide,
    key: IdempotencyKey,
    principal: Annotated[Principal, permitted(Operation.GIVE_CONSENT)],
    service: Service,
) -> CancellationStatus:
    """Pass on the answer of the marketing service's own administrator."""
    return await service.cancellations.consent(
        subscription,
        body.decision,
        actor=principal.subject,
        because=body.because,
        cancellation=named(subscription, number),
        request_id=key,
    )


def _stated(receipt: bodies.Receipt | None) -> StatedReceipt | None:
    return None if receipt is None else receipt.stated()

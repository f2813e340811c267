"""The receipt of a request in the records: how late it may be stated, and what is kept of it beside the instant."""

from datetime import datetime
from typing import Any

from contract.steps import OpenMarketingRequest, OpenRequest, Receipt, Step
from domain.policy import CancellationPolicy
from domain.receipt import check_backdating

Opening = OpenRequest | OpenMarketingRequest
"""A request that opens a case of any kind; its ``at`` is the legal instant of the receipt."""


def entered_at(request: Opening) -> datetime:
    """Return the instant at which a request was entered, which is the receipt unless an earlier one was stated."""
    return (request.receipt and request.receipt.entered_at) or request.at


def check(request: Opening, *, zone: str, policy: CancellationPolicy) -> None:
    """Raise BackdatingNeedsReason for a receipt further in the past than the policy allows without a reason."""
    receipt = request.receipt
    if receipt is not None and receipt.entered_at is not None:
        days, because = policy.backdating_days, receipt.because
        check_backdating(request.at, entered_at=receipt.entered_at, zone=zone, days=days, because=because)


def columns(receipt: Receipt | None) -> dict[str, Any]:
    """Return the columns of a case in which its receipt is kept, beside ``received_at``."""
    if receipt is None:
        return {}
    return {"entered_at": receipt.entered_at, "channel": receipt.channel.value if receipt.channel else None}


def opened(case: str, request: Opening) -> Step:
    """Return the step that opens a case: taken when the request was entered, dated when it was received."""
    at = entered_at(request)
    return Step(
        cancellation=case,
        name="opened",
        actor=request.actor,
        at=at,
        why=request.reason,
        asked_at=request.at if at != request.at else None,
        receipt=request.receipt,
    )


def as_audited(step: Step) -> dict[str, Any]:
    """Return what the audit trail keeps of the receipt of a step's request, beside its instant, which is that of the row."""
    receipt = step.receipt
    if receipt is None:
        return {}
    kept = {
        "entered_at": receipt.entered_at.isoformat() if receipt.entered_at else None,
        "channel": receipt.channel.value if receipt.channel else None,
        "received_because": receipt.because,
    }
    return {name: value for name, value in kept.items() if value is not None}

"""The request that opens a cancellation, as the step that opens it takes it from a start."""

from datetime import datetime
from typing import Any

from contract.cancellation import StartCancellation
from contract.common import UPDATE_RECEIVE
from contract.line_cancellation import StartLineCancellation
from contract.requests import digest_of
from contract.steps.cancellation import OpenRequest
from contract.steps.claims import claim_of_start
from contract.steps.receipts import receipt_of_start


def open_request(
    start: StartCancellation | StartLineCancellation, workflow_id: str, now: datetime, *, first_run: str = ""
) -> OpenRequest:
    """Return the request of a start that a workflow receives now.

    A start without an id is known by the first run of its workflow: one that was reset is another run with the same first one,
    and must find the case that it opened.

    Raises:
        SentInFuture, ReceivedInFuture.

    """
    at, receipt = receipt_of_start(start, now=now)
    if isinstance(start, StartLineCancellation):
        subject: dict[str, Any] = {"subscription_line": start.subscription_line}
    else:
        subject = {"subscription": start.subscription, "campaign_actions": start.campaign_actions}
    return OpenRequest(
        workflow_id=workflow_id,
        request_id=f"{workflow_id}:{start.request_id or first_run}",
        actor=start.actor,
        claim=claim_of_start(workflow_id, start),
        at=at,
        receipt=receipt,
        answers=start.answers,
        attested_because=start.attestation.reason if start.attestation else None,
        goodwill_reason=start.goodwill.reason if start.goodwill else None,
        reason=start.reason,
        reason_code=start.reason_code,
        digest=digest_of(UPDATE_RECEIVE, start),
        continues=start.continues,
        **subject,
    )

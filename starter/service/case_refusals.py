"""Refusals of a case's client: the request reached Temporal, and no workflow answered it."""

from datetime import timedelta

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind

UPDATE_TIMEOUT = timedelta(seconds=30)
"""The longest wait for the answer of a workflow."""


class StillWaiting(Refusal):
    """The request is kept, but its outcome is not known yet."""

    code = "still_waiting"

    def __init__(self, workflow_id: str, within: timedelta = UPDATE_TIMEOUT) -> None:
        super().__init__(
            f"{workflow_id} has not answered within {int(within.total_seconds())} seconds: a worker, the database or the mail "
            "server may be down.",
            remedy=Remedy.of(RemedyKind.REPEAT_REQUEST),
            workflow_id=workflow_id,
        )


class CancellationSuspended(Refusal):
    """The workflow of a case is suspended until its code is repaired."""

    code = "cancellation_suspended"

    def __init__(self, workflow_id: str) -> None:
        super().__init__(
            f"{workflow_id} is suspended: its code fails, which is a fault of the service. Nothing is lost; it "
            "continues by itself when workers with a repaired version run.",
            remedy=Remedy.of(RemedyKind.REPAIR_WORKFLOW),
            workflow_id=workflow_id,
        )


class CaseBusy(Refusal):
    """A request to a workflow that handles as many as it may."""

    code = "case_busy"

    def __init__(self, workflow_id: str) -> None:
        super().__init__(
            f"{workflow_id} has as many requests to answer as it takes at once.",
            remedy=Remedy.of(RemedyKind.REPEAT_LATER),
            workflow_id=workflow_id,
        )


class RequestLost(Refusal):
    """A request whose workflow ended, or was ended, before it answered."""

    code = "request_lost"

    def __init__(self, workflow_id: str, reason: str) -> None:
        super().__init__(
            f"{workflow_id} ended before it answered: {reason.rstrip('.')}.",
            remedy=Remedy.of(RemedyKind.REPEAT_LATER),
            workflow_id=workflow_id,
        )

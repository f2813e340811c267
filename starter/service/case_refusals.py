"""Refusals of a case's client: the request reached Temporal, and no workflow answered it."""

from datetime import timedelta

from temporalio.service import RPCError

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind

_NO_WORKER = "no poller"
_TASKS_LOST = "in failed state"
_TOO_MANY = ("in-flight updates", "distinct updates")
"""Parts of Temporal's sentences for states that have no status of their own."""

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


def tasks_were_lost(error: RPCError) -> bool:
    """Return true if a call found that a workflow's task failed or was lost, with its worker, several times in a row."""
    return _TASKS_LOST in error.message


def of_the_workflow(error: RPCError, workflow_id: str) -> Refusal | None:
    """Return the refusal of a call that failed because of the state of its workflow; None if it is about Temporal."""
    if _NO_WORKER in error.message:
        return StillWaiting(workflow_id)
    if any(limit in error.message for limit in _TOO_MANY):
        return CaseBusy(workflow_id)
    return None

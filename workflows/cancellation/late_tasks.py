"""Workflow tasks that come late: a worker that was stopped over a deadline finds it together with what was sent before."""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contract.steps import Step

FOUND_WITH_DEADLINE = "found-with-their-deadline-2026-11"
"""The id of the patch (docs/upgrades.md)."""


def sent_in_time(step: Step, deadline: datetime | None) -> Step:
    """Return the step of a request that may be found together with the deadline of its stage: it was sent just before.

    The worker cannot tell which of them was first. A request that states when it was sent is dated already.
    """
    if step.asked_at is not None or deadline is None or step.at < deadline:
        return step
    in_time = {"asked_at": deadline - datetime.resolution}
    return step.model_copy(update=in_time) if workflow.patched(FOUND_WITH_DEADLINE) else step

"""The results of workflows, and how their failures reach whoever waits for one."""

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.client import WorkflowFailureError

from domain.refusals import ForwardedRefusal
from runtime.refusals import as_refusal
from starter.service.case_refusals import RequestLost


@contextmanager
def refusing_failures(workflow_id: str) -> Iterator[None]:
    """Turn the failure of a workflow that the block waits for into a refusal.

    Raises:
        ForwardedRefusal: the workflow refused.
        RequestLost: it ended in another way before it answered.

    """
    try:
        yield
    except WorkflowFailureError as failure:
        if (refusal := as_refusal(failure.cause)) is not None:
            raise ForwardedRefusal(refusal) from None
        raise RequestLost(workflow_id, str(failure.cause)) from None

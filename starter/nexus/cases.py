"""The workflows of subscriptions' cancellations, as operations reach them: without the records, and within the time of a Nexus task."""

from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.client import Client, WithStartWorkflowOperation

import contract
from contract.clean import refuse_unclean
from runtime.temporal_refusals import NothingThere, refusing_temporal_errors
from runtime.update_with_start import starting
from starter.service.case_refusals import StillWaiting
from starter.service.descriptions import is_running
from starter.service.requests import sent_now, update_id
from starter.service.temporal_calls import DESCRIBED_WITHIN
from starter.service.workflow_requests import WorkflowRequests

WITHIN = timedelta(seconds=8)
"""Less than the ten seconds that Temporal gives an attempt at an operation; it asks again under the same id."""


class Cases(WorkflowRequests):
    """The requests to them, by the same way as those of every other door, and unsigned.

    Args:
        temporal: a client that signs nothing.
        task_queue: the queue of the workflows.

    """

    def __init__(self, temporal: Client, task_queue: str) -> None:
        super().__init__(temporal)
        self._task_queue = task_queue

    @property
    def _answered_within(self) -> timedelta:
        return WITHIN

    async def start(self, start: contract.StartCancellation) -> contract.CancellationStatus:
        """Start a cancellation, or return the status of the one that runs. Raises as `_started` does."""
        refuse_unclean(start)
        start = sent_now(start)
        workflow_id = contract.cancellation_workflow_id(start.subscription)
        summary, details = contract.cancellation_web_ui(start.subscription)
        operation: partial[WithStartWorkflowOperation[Any, Any]] = partial(
            starting,
            contract.SUBSCRIPTION_CANCELLATION,
            start,
            workflow_id=workflow_id,
            task_queue=self._task_queue,
            summary=summary,
            details=details,
        )
        first = update_id(contract.UPDATE_RECEIVE, start.request_id)
        return await self._started(operation, start, first, workflow_id, contract.CancellationStatus)

    async def update(
        self, subscription: str, name: str, message: contract.Request, request_id: str
    ) -> contract.CancellationStatus:
        """Send an update to the cancellation that runs.

        Raises:
            NothingThere: none runs.
            The refusals of `_outcome`.

        """
        refuse_unclean(message)
        workflow_id, form = contract.cancellation_workflow_id(subscription), contract.CancellationStatus
        status = await self._sent(workflow_id, name, sent_now(message), update_id(name, request_id), form)
        if status is None:
            raise NothingThere
        return status

    async def status(self, subscription: str) -> contract.CancellationStatus:
        """Return the status of the newest cancellation, whether it runs or has ended.

        Raises:
            NothingThere: Temporal has none.
            StillWaiting: it runs, and is not open yet.
            The refusals of `_live_of` and `_result`.

        """
        workflow_id, form = contract.cancellation_workflow_id(subscription), contract.CancellationStatus
        if (live := await self._live_of(workflow_id, form)) is not None:
            return live
        if (description := await self._description(workflow_id, within=DESCRIBED_WITHIN)) is None:
            raise NothingThere
        if is_running(description):
            raise StillWaiting(workflow_id, WITHIN)
        with refusing_temporal_errors(self._temporal):
            return await self._result(workflow_id, form)

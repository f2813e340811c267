"""Calls to Temporal that need no records: with a time limit, and with refusals in the place of its errors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowExecutionDescription

from domain.refusals import Refusal
from runtime.temporal import TemporalUnavailable
from runtime.temporal_refusals import NothingThere, refusing_temporal_errors
from starter.service.descriptions import is_running, may_be_suspended, task_has_failed

CALL_TIMEOUT = timedelta(seconds=30)
"""The longest wait for an answer of Temporal itself."""

DESCRIBED_WITHIN = timedelta(seconds=5)
"""The longest wait for a description that would only explain why there is no other answer."""

NEWEST_EVENTS = 50
"""The number of events in which the newest task of a workflow is looked for."""

NOT_IN_TIME = "it did not answer in time"


class TemporalCalls:
    """Base of whoever calls Temporal."""

    def __init__(self, temporal: Client) -> None:
        self._temporal = temporal

    @asynccontextmanager
    async def _calling(self, *, within: timedelta = CALL_TIMEOUT) -> AsyncIterator[None]:
        """Call Temporal in the block, which needs no worker for its answer.

        Raises:
            NothingThere: there is no such workflow or schedule.
            TemporalUnavailable, TemporalBusy, TemporalDenied, NamespaceUnknown, TemporalFailed, TemporalRefused.

        """
        try:
            async with asyncio.timeout(within.total_seconds()):
                with refusing_temporal_errors(self._temporal):
                    yield
        except TimeoutError:
            raise TemporalUnavailable(self._address, NOT_IN_TIME) from None

    async def _description(
        self, workflow_id: str, *, within: timedelta = CALL_TIMEOUT
    ) -> WorkflowExecutionDescription | None:
        """Return what Temporal knows about the newest run of a workflow; None if it knows none."""
        try:
            async with self._calling(within=within):
                return await self._temporal.get_workflow_handle(workflow_id).describe()
        except NothingThere:
            return None

    async def _description_if_any(self, workflow_id: str) -> WorkflowExecutionDescription | None:
        """Return the same, or None where Temporal does not answer this either."""
        try:
            return await self._description(workflow_id, within=DESCRIBED_WITHIN)
        except Refusal:
            return None

    async def _is_running(self, workflow_id: str) -> bool:
        """Return true unless the newest run of a workflow is known to have ended."""
        description = await self._description_if_any(workflow_id)
        return description is None or is_running(description)

    async def _is_suspended(self, description: WorkflowExecutionDescription | None) -> bool:
        """Return true if a running workflow fails its task again and again.

        Tasks that are lost with their workers do not count: the next worker does them.
        """
        if description is None or not may_be_suspended(description):
            return False
        asked = GetWorkflowExecutionHistoryReverseRequest(
            namespace=self._temporal.namespace,
            execution=WorkflowExecution(workflow_id=description.id, run_id=description.run_id or ""),
            maximum_page_size=NEWEST_EVENTS,
        )
        try:
            async with self._calling(within=DESCRIBED_WITHIN):
                page = await self._temporal.workflow_service.get_workflow_execution_history_reverse(asked)
        except (Refusal, NothingThere):
            return False
        return task_has_failed(page.history.events)

    async def _notify(self, workflow_id: str, signal: str, *message: Any, within: timedelta = CALL_TIMEOUT) -> None:
        """Signal a workflow that may wait for what was recorded; it checks again by itself if it misses the signal."""
        with suppress(NothingThere):
            async with self._calling(within=within):
                await self._temporal.get_workflow_handle(workflow_id).signal(signal, args=message)

    @property
    def _address(self) -> str:
        return self._temporal.service_client.config.target_host

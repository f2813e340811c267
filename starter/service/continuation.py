"""The continuation of a case whose workflow is gone, for a request that found none."""

from contextlib import suppress
from typing import TypeVar

import contract
from activities.reconciliation.case_workflows import CaseWorkflows
from records.reconciliation.cases import RecordedCase, open_case_under
from runtime.temporal_refusals import NothingThere, refusing_temporal_errors
from starter.service.area import AreaClient

Outcome = TypeVar("Outcome")


class ContinuingClient(AreaClient):
    """Base of the areas whose requests continue a case from its record, instead of waiting for the reconciliation."""

    async def _running(
        self, workflow_id: str, name: str, message: contract.Request, update_id: str, form: type[Outcome]
    ) -> Outcome | None:
        """Send an update to a workflow; return its answer, or None where no such workflow runs.

        A case that has not ended, and whose workflow is gone, is continued from its record for that.
        """
        status = await self._sent(workflow_id, name, message, update_id, form)
        if status is None and await self._continued(workflow_id):
            status = await self._sent(workflow_id, name, message, update_id, form)
        return status

    async def _sent(
        self, workflow_id: str, name: str, message: contract.Request, update_id: str, form: type[Outcome]
    ) -> Outcome | None:
        """Send an update to a running workflow; return its answer, or None where none runs."""
        raise NotImplementedError

    async def _continued(self, workflow_id: str) -> bool:
        """Start the workflow of a case that has not ended again; return False where there is no such case."""
        case = await self._read(lambda session: open_case_under(session, workflow_id))
        return case is not None and await self._started_again(case)

    async def _started_again(self, case: RecordedCase) -> bool:
        """Start the workflow of a case again from its record, unless it runs."""
        workflows = CaseWorkflows(self._temporal, self._connections.task_queue)
        with suppress(NothingThere), refusing_temporal_errors(self._temporal):
            await workflows.start_again(case)
            return True
        return False

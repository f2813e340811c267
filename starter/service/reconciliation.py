"""The reconciliation on request, and its schedule."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from temporalio.client import (
    Client,
    Schedule,
    ScheduleHandle,
    WorkflowFailureError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

import contract
from contract.readable import Readable
from contract.steps import without_colons
from domain.refusals import Refusal
from domain.remedies import correct_input
from runtime.temporal import TemporalUnavailable
from runtime.temporal_refusals import NothingThere, refusing_temporal_errors
from starter.service.area import AreaClient
from starter.service.case_refusals import UPDATE_TIMEOUT, RequestLost, StillWaiting
from starter.service.descriptions import is_running
from starter.service.schedules import ensure, regularly
from starter.service.temporal_calls import NOT_IN_TIME

EVERY = timedelta(hours=1)

NOT_TAKEN_UP = 2
"""The length of the history of a workflow that no worker has taken up: it is started, and its first task is waiting."""

OFFSET = timedelta(minutes=23)
"""Away from the full hour, at which other jobs begin."""


_ON_REQUEST = f"{contract.RECONCILIATION_SCHEDULE}-on-request-"
_DRY_RUN = "dry-run:"
"""With a colon, which no id of a request has in the id of a workflow: one that mends is never taken for one that looks alone."""


class ReconciliationUnknown(Refusal):
    """A reconciliation that nobody has asked for, or that Temporal keeps no longer."""

    code = "reconciliation_unknown"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no reconciliation {name!r}.",
            remedy=correct_input("Give the name with which it was accepted; Temporal forgets it after its retention."),
            reconciliation=name,
        )


class ReconciliationView(BaseModel):
    """How far a reconciliation on request is."""

    model_config = ConfigDict(frozen=True)

    name: str
    is_done: bool
    report: contract.ReconciliationReport | None
    """Null until it is done."""


class ReconciliationClient(AreaClient):
    """The area of reconciliations. Errors: see `starter.service.offramp.Offramp`."""

    async def reconcile(self, *, dry_run: bool = False, request_id: str | None = None) -> contract.ReconciliationReport:
        """Reconcile now, mend what the records prove, and return the report of what was found, however long it takes.

        Raises:
            StillWaiting: no worker has taken it up within 30 seconds.
            RequestLost: it was ended before it was done.

        """
        workflow_id = await self.begin(dry_run=dry_run, request_id=request_id)
        report = asyncio.ensure_future(self._report(workflow_id))
        try:
            await asyncio.wait([report], timeout=UPDATE_TIMEOUT.total_seconds())
            if not report.done():
                description = await self._description(workflow_id)
                if description is not None and description.history_length <= NOT_TAKEN_UP:
                    raise StillWaiting(workflow_id)
            return await report
        finally:
            report.cancel()

    async def begin(self, *, dry_run: bool = False, request_id: str | None = None) -> str:
        """Request a reconciliation without waiting for it; return the name under which `progress` shows it."""
        own = without_colons(request_id or str(uuid4()))
        workflow_id = f"{_ON_REQUEST}{_DRY_RUN if dry_run else ''}{own}"
        with suppress(WorkflowAlreadyStartedError):  # by the same request, and it has ended
            async with self._lost(workflow_id), self._calling():
                await self._temporal.start_workflow(
                    contract.RECONCILIATION,
                    contract.Reconcile(dry_run=dry_run),
                    id=workflow_id,
                    task_queue=self._connections.task_queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                    static_summary=Readable(f"Reconcile on request{' (dry run)' if dry_run else ''}"),
                )
        return workflow_id

    async def progress(self, name: str) -> ReconciliationView:
        """Return how far a reconciliation is that `begin` has named. Raises ReconciliationUnknown, RequestLost."""
        description = await self._description(name) if name.startswith(_ON_REQUEST) else None
        if description is None:
            raise ReconciliationUnknown(name)
        is_done = not is_running(description)
        return ReconciliationView(name=name, is_done=is_done, report=await self._report(name) if is_done else None)

    async def _report(self, workflow_id: str) -> contract.ReconciliationReport:
        """Wait for the result of a reconciliation."""
        handle = self._temporal.get_workflow_handle(workflow_id, result_type=contract.ReconciliationReport)
        async with self._lost(workflow_id):
            try:
                with refusing_temporal_errors(self._temporal):
                    report: contract.ReconciliationReport = await handle.result()
            except WorkflowFailureError as failure:
                raise RequestLost(workflow_id, str(failure.cause)) from None
            except TimeoutError:
                raise TemporalUnavailable(self._address, NOT_IN_TIME) from None
        return report

    @asynccontextmanager
    async def _lost(self, workflow_id: str) -> AsyncIterator[None]:
        """Turn the answer that there is no such workflow into a refusal."""
        try:
            yield
        except NothingThere:
            raise RequestLost(workflow_id, "Temporal does not know it") from None


async def ensure_reconciliation(client: Client, *, task_queue: str = contract.TASK_QUEUE) -> ScheduleHandle:
    """Create the hourly schedule, or bring the existing one up to date; a pause and its note stay as they are."""
    return await ensure(client, contract.RECONCILIATION_SCHEDULE, hourly_schedule(task_queue))


def hourly_schedule(task_queue: str) -> Schedule:
    """Return the schedule: every hour, one run at a time. A missed one need not be made up for."""
    return regularly(
        contract.RECONCILIATION,
        contract.Reconcile(),
        schedule_id=contract.RECONCILIATION_SCHEDULE,
        every=EVERY,
        offset=OFFSET,
        task_queue=task_queue,
        summary="Reconcile records, workflows and copies of data",
        details="Starts again what should be running, removes what should be gone, and names the rest.",
    )

"""Updates of line dates on request: asked for, watched, and waited for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from pydantic import BaseModel, ConfigDict
from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

import contract
from contract.clean import refuse_unclean
from contract.readable import Readable
from contract.steps import without_colons
from domain.civil_dates import refuse_out_of_bounds
from domain.lines.restoration import RunUnknown
from domain.lines.runs import LineDatesProgress
from domain.refusals import ForwardedRefusal, Refusal
from records.lines.runs import count_runs, find_progress
from runtime.refusals import as_refusal
from runtime.temporal import TemporalUnavailable
from runtime.temporal_refusals import NothingThere, refusing_temporal_errors
from runtime.update_with_start import retrieving
from starter.service.case_refusals import RequestLost
from starter.service.descriptions import is_running
from starter.service.direct import DirectClient
from starter.service.results import refusing_failures
from starter.service.temporal_calls import NOT_IN_TIME

LOOK_AGAIN = 0.3
"""Seconds between two looks at the progress of a run."""

_SUMMARY = Readable("Update subscription line dates on request")


class RunView(BaseModel):
    """How far an update on request is."""

    model_config = ConfigDict(frozen=True)

    name: str
    is_done: bool
    """True as soon as its lines are done; its messages are delivered afterwards."""
    progress: LineDatesProgress | None
    """Null until it has begun."""


class LineUpdateClient(DirectClient):
    """The part of the area of subscription lines that runs the update."""

    async def update(
        self,
        wish: contract.UpdateLineDates,
        *,
        watch: Callable[[LineDatesProgress], None] | None = None,
        request_id: str | None = None,
    ) -> LineDatesProgress:
        """Request an update and return its result as soon as the lines are done; its messages are delivered afterwards.

        Requests for the same lines share a run that has not begun. ``watch`` is called with its progress, several times a
        second.

        Raises:
            ForwardedRefusal: the update was refused, with the code of the refusal.

        """
        workflow_id = await self._run_of(wish, request_id)
        async with self._watching(workflow_id, watch):
            return await self._lines_done(workflow_id, wish, once=request_id is not None)

    async def begin(self, wish: contract.UpdateLineDates, *, request_id: str | None = None) -> str:
        """Request an update without waiting for it; return the name under which `progress` shows it."""
        workflow_id = await self._run_of(wish, request_id)
        start = self._start(workflow_id, once=request_id is not None)
        try:
            async with self._calling():
                await self._temporal.start_workflow(
                    contract.SUBSCRIPTION_LINE_DATES_UPDATE, wish, **start, static_summary=_SUMMARY
                )
        except WorkflowAlreadyStartedError:  # by the same request, and it has ended
            return workflow_id
        except NothingThere:
            raise RequestLost(workflow_id, "Temporal does not know where it belongs") from None
        return workflow_id

    async def progress(self, name: str) -> RunView:
        """Return how far an update is that `begin` has named, from the records and, before it is in them, from Temporal.

        Raises:
            ForwardedRefusal: the update was refused.
            RunUnknown.

        """
        if not name.startswith(f"{contract.NIGHTLY_SCHEDULE}:"):
            raise RunUnknown(name)
        found = await self._read(lambda session: find_progress(session, name))
        if found is not None:
            return RunView(name=name, is_done=found.finished_at is not None, progress=found)
        description = await self._description(name)
        if description is None:
            raise RunUnknown(name)
        if is_running(description):
            return RunView(name=name, is_done=False, progress=None)
        return RunView(name=name, is_done=True, progress=await self._ended(name))

    async def _run_of(self, wish: contract.UpdateLineDates, request_id: str | None) -> str:
        refuse_unclean(wish)
        refuse_out_of_bounds(wish.as_of)
        name = contract.run_name(wish)
        # A run that is recorded has begun, and may have passed by lines that changed since: the next number has not.
        if request_id is None:
            return f"{name}:{await self._read(lambda session: count_runs(session, name)) + 1}"
        # No request has the id of a numbered run, which has begun, or whose lines its own caller counts on.
        return f"{name}:request:{without_colons(request_id)}"

    def _start(self, workflow_id: str, *, once: bool) -> dict[str, Any]:
        """Return how a run is started, or joined under this id; ``once``: also one that has ended."""
        return {
            "id": workflow_id,
            "task_queue": self._connections.task_queue,
            "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
            "id_reuse_policy": WorkflowIDReusePolicy.REJECT_DUPLICATE
            if once
            else WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        }

    async def _lines_done(self, workflow_id: str, wish: contract.UpdateLineDates, *, once: bool) -> LineDatesProgress:
        """Start a run, or join the one under this id, and wait for its lines; ``once`` as for `_start`."""
        while True:
            start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
                contract.SUBSCRIPTION_LINE_DATES_UPDATE,
                wish,
                **self._start(workflow_id, once=once),
                static_summary=_SUMMARY,
            )
            try:
                with refusing_temporal_errors(self._temporal), retrieving(start):
                    progress: LineDatesProgress | None = await self._temporal.execute_update_with_start_workflow(
                        contract.UPDATE_LINES_DONE, start_workflow_operation=start, result_type=LineDatesProgress
                    )
            except (WorkflowAlreadyStartedError, NothingThere):  # by the same request, and it has ended
                return await self._ended(workflow_id)
            except TimeoutError:
                raise TemporalUnavailable(self._address, NOT_IN_TIME) from None
            except WorkflowUpdateFailedError as failure:
                if (refusal := as_refusal(failure.cause)) is not None:
                    raise ForwardedRefusal(refusal) from None
                return await self._ended(workflow_id)
            if progress is not None and progress.finished_at is not None:
                return progress

    async def _ended(self, workflow_id: str) -> LineDatesProgress:
        """Return the result of a run that has ended, or is about to."""
        handle = self._temporal.get_workflow_handle(workflow_id, result_type=LineDatesProgress)
        try:
            with refusing_failures(workflow_id), refusing_temporal_errors(self._temporal):
                result: LineDatesProgress = await handle.result()
        except TimeoutError:
            raise TemporalUnavailable(self._address, NOT_IN_TIME) from None
        except NothingThere:
            raise RequestLost(workflow_id, "Temporal does not know it any more") from None
        return result

    @asynccontextmanager
    async def _watching(
        self, workflow_id: str, watch: Callable[[LineDatesProgress], None] | None
    ) -> AsyncIterator[None]:
        """Show the recorded progress of a run while the block waits for it."""
        over = asyncio.Event()

        async def look() -> None:
            while watch is not None and not over.is_set():
                with suppress(Refusal):  # the database may be away for a moment
                    progress = await self._read(lambda session: find_progress(session, workflow_id))
                    if progress is not None:
                        watch(progress)
                with suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), LOOK_AGAIN)

        looking = asyncio.create_task(look())
        try:
            yield
        finally:
            over.set()
            await looking

"""The `BulkCancellation` workflow: one bulk from its plan to the result of its last row.

The records say what is to be done and who has confirmed it; the workflow sees to it that it is done, some seconds at a time.
No row is in its history, which does not grow with their number.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow

from workflows.common.queues import queue_for
from workflows.common.reading import read_clean
from workflows.common.web_ui import as_details

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.bulk.activities import Bulks
    from activities.common.retries import RECORD_RETRY
    from contract import WorkQueue
    from contract.readable import Readable
    from contract.steps import BulkSlice, BulkSliceDone
    from domain.bulk import BulkState, RowState
    from domain.bulk.refusals import BulkUnknown
    from domain.cancellation.lifecycle import WorkflowIdMismatch
    from domain.refusals import Refusal
    from runtime.refusals import as_application_error


MOST_SLICES = 200
"""The number of activities after which the workflow continues as new, where Temporal has not suggested it before."""

_DOING = {
    BulkState.PLANNING: "judging the rows",
    BulkState.PLANNED: "waiting for a person to confirm the plan",
    BulkState.RUNNING: "starting cancellations",
    BulkState.STOPPED: "stopped: waiting to be resumed",
}


@workflow.defn(name=contract.BULK_CANCELLATION)
class BulkCancellation:
    """One bulk. Who may confirm, stop, resume and kill it is decided where that is recorded; a signal only says: look."""

    def __init__(self) -> None:
        self._progress: contract.BulkProgress | None = None
        self._has_changed = False

    @workflow.run
    async def run(self, *received: Any) -> contract.BulkProgress:
        """Carry a bulk out, and return how it ended."""
        try:
            bulk = _read(received)
            for _slice in range(MOST_SLICES):
                if (progress := await self._slice(bulk)) is not None:
                    return progress
                if workflow.info().is_continue_as_new_suggested():
                    break
        except Refusal as refusal:
            raise as_application_error(refusal) from None
        return workflow.continue_as_new(args=list(received))

    @workflow.signal(name=contract.SIGNAL_BULK_CHANGED)
    def bulk_changed(self, *_: Any) -> None:
        """Look at the record again."""
        self._has_changed = True

    @workflow.query(name=contract.QUERY_BULK_PROGRESS)
    def bulk_progress(self) -> contract.BulkProgress | None:
        """Return how far the bulk is, some seconds old; null before the first look."""
        return self._progress

    async def _slice(self, bulk: str) -> contract.BulkProgress | None:
        """Do some of the work, and wait until there may be more; return how the bulk ended, once it has."""
        self._has_changed = False
        done = await workflow.execute_activity_method(
            Bulks.carry_out_bulk,
            BulkSlice(bulk=bulk, task_queue=workflow.info().task_queue),
            task_queue=queue_for(WorkQueue.BULK),
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=timedelta(seconds=15),
            retry_policy=RECORD_RETRY,
            summary=Readable("judge or start rows"),
        )
        if (progress := done.progress) is None:
            raise BulkUnknown(bulk)
        self._show(progress)
        if progress.state.is_final and not progress.rows.get(RowState.UNDER_WAY):
            return progress
        await self._wait(done)
        return None

    async def _wait(self, done: BulkSliceDone) -> None:
        """Wait until there may be more to do: for some time, or until the record has changed."""
        if done.look_again_after == 0:
            return
        timeout = None if done.look_again_after is None else timedelta(seconds=done.look_again_after)
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._has_changed, timeout=timeout, timeout_summary=Readable("wait before the next look")
            )

    def _show(self, progress: contract.BulkProgress) -> None:
        self._progress = progress
        doing = (
            "switched off for the whole installation" if progress.is_switched_off else _DOING.get(progress.state, "")
        )
        rows = [
            ("Now", doing),
            ("State", progress.state.value),
            ("Settled", f"{progress.settled} of {progress.total}"),
            *((state.value.replace("_", " "), str(number)) for state, number in progress.rows.items()),
        ]
        workflow.set_current_details(as_details(f"Bulk {progress.bulk}", rows))


def _read(received: Sequence[Any]) -> str:
    """Return the bulk that is to be carried out; raises a refusal."""
    bulk = read_clean(received, contract.CarryOutBulk).bulk
    if (actual := workflow.info().workflow_id) != (expected := contract.bulk_workflow_id(bulk)):
        raise WorkflowIdMismatch(actual, expected)
    return bulk


WORKFLOWS = (BulkCancellation,)

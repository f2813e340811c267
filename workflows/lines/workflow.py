"""The `SubscriptionLineDatesUpdate` workflow: the nightly update of subscription lines (rules, section 5)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows.common.queues import queue_for
from workflows.common.reading import read_clean
from workflows.common.steps import patiently
from workflows.common.web_ui import as_details

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.common.retries import RECORD_RETRY, WEBHOOK_RETRY
    from activities.lines import LineDates
    from activities.messaging.webhooks import Webhooks
    from contract import WorkQueue
    from contract.readable import Readable
    from contract.steps import OpenRun, UpdatePass, claim_of_start
    from domain.actors import NIGHTLY_UPDATE
    from domain.lines.runs import FailedLine, LineDatesProgress, Scope
    from domain.refusals import ForwardedRefusal, Refusal, RefusalDetails, RefusedValue
    from runtime.refusals import as_application_error


LOCKED_LINES_AFTER = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 15, 60, 300))
"""The pauses before each further pass over lines that were locked; lines that stay locked are left to the next night,
which catches up."""

DELIVER_FOR = timedelta(hours=1)
"""The time limit for the delivery of the events. A receiver that is down longer must not cost the next night its run,
because the schedule skips a night while another runs; that run delivers the rest."""

FAILURES_SHOWN = 20


@workflow.defn(name=contract.SUBSCRIPTION_LINE_DATES_UPDATE)
class SubscriptionLineDatesUpdate:
    """One run over the lines: every line that is due is closed or rolled, and the events of it are delivered.

    The work is a few activities that go from chunk to chunk, so the history does not grow with the number of lines. The
    progress of the run is in the database, and is committed with each chunk.
    """

    def __init__(self) -> None:
        self._progress: LineDatesProgress | None = None
        self._refused: RefusalDetails | None = None
        self._lines_done = False

    @workflow.run
    async def run(self, *received: Any) -> LineDatesProgress:
        """Update the lines that are due as of the day, and return the counts."""
        progress = self._show(await self._open(received), "finding the lines that are due")
        while _needs_pass(progress):
            await self._wait_for_locked_lines(progress)
            progress = await self._pass(progress)
            if workflow.info().is_continue_as_new_suggested():
                await self._answered()
                workflow.continue_as_new(args=list(received))
        progress = self._show(await self._finish(progress), "delivering the events")
        self._lines_done = True
        if progress.untold:
            await self._deliver_events()
            progress = await self._finish(progress)
        await self._answered()
        return self._show(progress, "")

    @workflow.update(name=contract.UPDATE_LINES_DONE)
    async def lines_done(self, *_: Any) -> LineDatesProgress | None:
        """Wait until the lines are done, or this history ends before; return the progress."""
        await workflow.wait_condition(lambda: self._lines_done or self._refused is not None)
        if self._refused is not None:
            raise as_application_error(ForwardedRefusal(self._refused))
        return self._progress

    async def _answered(self) -> None:
        """Let everybody who waits for the lines have an answer before this history ends."""
        self._lines_done = True
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.query(name=contract.QUERY_PROGRESS)
    def progress(self) -> LineDatesProgress | None:
        """Return the progress of the run, some seconds old; null until it has begun."""
        return self._progress

    async def _open(self, received: Sequence[Any]) -> LineDatesProgress:
        """Fix the day and the scope of the run, or end with the refusal."""
        try:
            return await patiently(
                LineDates.open_line_dates_run,
                _read(received),
                work=WorkQueue.NIGHTLY,
                retry=RECORD_RETRY,
                longest_attempt=timedelta(minutes=2),
                summary="find the lines that are due",
            )
        except Refusal as refusal:
            self._refused = refusal.details
            await self._answered()
            raise as_application_error(refusal) from None

    async def _pass(self, progress: LineDatesProgress) -> LineDatesProgress:
        """Go through the due lines once, with fresh counts every few seconds; stop early where the history is long.

        It never stops before the first few seconds of work: a run that is continued again and again must still reach its
        end.
        """
        number = progress.passes + 1
        while True:
            progress = self._show(
                await workflow.execute_activity_method(
                    LineDates.update_line_dates,
                    UpdatePass(run=progress.run, number=number),
                    task_queue=queue_for(WorkQueue.NIGHTLY),
                    start_to_close_timeout=timedelta(minutes=5),
                    heartbeat_timeout=timedelta(seconds=15),
                    retry_policy=RECORD_RETRY,
                    summary=Readable(f"close and roll what is due {progress.night}"),
                ),
                "closing and rolling",
            )
            if progress.passes >= number or workflow.info().is_continue_as_new_suggested():
                return progress

    async def _wait_for_locked_lines(self, progress: LineDatesProgress) -> None:
        if progress.busy:
            self._show(progress, f"waiting for {progress.busy} locked lines")
            await workflow.sleep(LOCKED_LINES_AFTER[progress.passes - 1], summary=Readable("wait for locked lines"))

    async def _finish(self, progress: LineDatesProgress) -> LineDatesProgress:
        return await workflow.execute_activity_method(
            LineDates.finish_line_dates_run,
            progress.run,
            task_queue=queue_for(WorkQueue.NIGHTLY),
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RECORD_RETRY,
            summary=Readable("sum up"),
        )

    async def _deliver_events(self) -> None:
        try:
            await workflow.execute_activity_method(
                Webhooks.deliver_line_events,
                task_queue=queue_for(WorkQueue.WEBHOOKS),
                start_to_close_timeout=timedelta(minutes=10),
                schedule_to_close_timeout=DELIVER_FOR,
                heartbeat_timeout=timedelta(seconds=30),
                retry_policy=WEBHOOK_RETRY,
                summary=Readable("webhook to the subscribed systems"),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("Messages about lines wait for the next run: %s", error.cause)

    def _show(self, progress: LineDatesProgress, doing: str) -> LineDatesProgress:
        self._progress = progress
        workflow.set_current_details(_details(progress, doing))
        return progress


def _read(received: Sequence[Any]) -> OpenRun:
    """Return the requested run; raises a refusal."""
    without_wish = all(one is None for one in received)
    request = contract.UpdateLineDates() if without_wish else read_clean(received, contract.UpdateLineDates)
    info = workflow.info()
    try:
        scope = Scope(
            customer_contract=request.customer_contract,
            vendor_contract=request.vendor_contract,
            subscription=request.subscription,
        )
    except ValidationError as invalid:
        cause = invalid.errors()[0].get("ctx", {}).get("error")
        if isinstance(cause, RefusedValue):
            raise cause.refusal from None
        raise
    return OpenRun(
        # The same for every part of a continued run, another one when a backfill repeats a day.
        run=f"{info.workflow_id}/{info.first_execution_run_id}",
        as_of=request.as_of,
        instant=request.instant
        or info.typed_search_attributes.get(contract.SCHEDULED_START_TIME)
        or info.workflow_start_time,
        requested_at=info.workflow_start_time,
        force=request.force,
        zone=request.zone,
        scope=scope,
        actor=request.actor,
        # A schedule starts each of its runs under an id of its own, and nobody in particular asks for that.
        claim=None if request.actor == NIGHTLY_UPDATE else claim_of_start(info.workflow_id, request),
    )


def _needs_pass(progress: LineDatesProgress) -> bool:
    return progress.passes == 0 or (progress.busy > 0 and progress.passes <= len(LOCKED_LINES_AFTER))


def _details(progress: LineDatesProgress, doing: str) -> str:
    about = "about " if progress.scope.is_everything else ""
    rows = [
        ("Now", doing),
        ("Due", str(progress.due)),
        ("Closed", str(progress.closed)),
        ("Rolled", str(progress.rolled)),
        ("Unchanged", f"{about}{progress.unchanged}"),
        ("Failed", str(progress.failed)),
        ("Ended, never billed", str(progress.never_billed) if progress.never_billed else ""),
        ("Locked", str(progress.busy) if progress.busy else ""),
        ("Messages to be delivered", str(progress.untold) if progress.untold else ""),
    ]
    named = [(progress.failed, progress.failures), (progress.never_billed, progress.never_billed_lines)]
    heading = f"Line dates of {progress.scope} {progress.night}"
    return as_details(heading, rows) + "".join(_listed(total, lines) for total, lines in named)


def _listed(total: int, lines: Sequence[FailedLine]) -> str:
    """Return the first of the lines with their reasons, one a row."""
    rows = [f"\n- {line.id}: {line.message}" for line in lines[:FAILURES_SHOWN]]
    more = total - len(rows)
    return "".join(rows) + (f"\n- and {more} more" if rows and more > 0 else "")


# Temporal refuses what a workflow says of versions where its worker has none; so there are two.
@workflow.defn(name=contract.SUBSCRIPTION_LINE_DATES_UPDATE, versioning_behavior=VersioningBehavior.PINNED)
class PinnedLineDatesUpdate(SubscriptionLineDatesUpdate):
    """The same for workers with a version: over within a night, it ends with the version that it began with."""

    @workflow.run
    async def run(self, *received: Any) -> LineDatesProgress:
        """Update the lines that are due as of the day, and return the counts."""
        return await super().run(*received)


WORKFLOWS = (SubscriptionLineDatesUpdate,)
WORKFLOWS_OF_A_VERSION = (PinnedLineDatesUpdate,)

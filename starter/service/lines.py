"""Subscription lines and the update of their dates: list lines, request an update, watch it, and steer its schedule."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from temporalio.client import (
    ScheduleBackfill,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

import contract
from contract.clean import refuse_unclean, refuse_unclean_words
from contract.readable import Readable
from domain.actors import NIGHTLY_UPDATE
from domain.civil_time import start_of_day
from domain.lines.line import SubscriptionLine
from domain.lines.restoration import RunInProgress, RunRestored
from domain.lines.runs import LineDatesProgress, NightNotReached, Scope
from domain.refusals import ForwardedRefusal, Refusal
from domain.remedies import Remedy, RemedyKind, correct_input
from records.lines.reopening import reopen_line
from records.lines.restoration import check_ended, restore_chunk
from records.lines.runs import ListedLine, count_runs, find_progress, latest_runs, list_lines
from runtime.refusals import as_refusal
from runtime.temporal import TemporalUnavailable
from runtime.temporal_refusals import NothingThere, refusing_temporal_errors
from starter.service.area import NOT_IN_TIME, AreaClient
from starter.service.case_refusals import RequestLost
from starter.service.descriptions import is_running
from starter.service.nightly_schedule import ensure_schedule, nights_of

Answer = TypeVar("Answer")

LOOK_AGAIN = 0.3
"""Seconds between two looks at the progress of a run."""


class ScheduleMissing(Refusal):
    """The nightly update has no schedule."""

    code = "schedule_missing"

    def __init__(self) -> None:
        super().__init__(
            f"Temporal has no schedule {contract.NIGHTLY_SCHEDULE!r}, so the nightly update does not run.",
            remedy=Remedy.of(RemedyKind.ENSURE_SCHEDULE),
        )


class BackfillEndsBeforeItStarts(Refusal):
    """A backfill whose last day is before its first."""

    code = "backfill_ends_before_it_starts"

    def __init__(self, first: date, last: date) -> None:
        super().__init__(
            f"The backfill ends on {last}, before it starts on {first}.",
            remedy=correct_input("Give the earlier day first."),
        )


class LineDatesClient(AreaClient):
    """The area of subscription lines.

    Updates and the schedule are Temporal's; `list`, `runs` and the progress of an update come from the records.
    ``request_id`` and errors: see `starter.service.offramp.Offramp`. The commands on the schedule take none: each sets a
    state, so repeating it changes nothing.
    """

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
        refuse_unclean(wish)
        name = contract.run_name(wish)
        # A run that is recorded has begun, and may have passed by lines that changed since: the next number has not.
        number = request_id or await self._read(lambda session: count_runs(session, name)) + 1
        workflow_id = f"{name}:{number}"
        async with self._watching(workflow_id, watch):
            return await self._lines_done(workflow_id, wish, once=request_id is not None)

    async def _lines_done(self, workflow_id: str, wish: contract.UpdateLineDates, *, once: bool) -> LineDatesProgress:
        """Start a run, or join the one under this id, and wait for its lines; ``once``: also join one that has ended."""
        reuse = WorkflowIDReusePolicy.REJECT_DUPLICATE if once else WorkflowIDReusePolicy.ALLOW_DUPLICATE
        while True:
            start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
                contract.SUBSCRIPTION_LINE_DATES_UPDATE,
                wish,
                id=workflow_id,
                task_queue=self._connections.task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=reuse,
                static_summary=Readable("Update subscription line dates on request"),
            )
            try:
                with refusing_temporal_errors(self._temporal), self._retrieving(start):
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
            with refusing_temporal_errors(self._temporal):
                result: LineDatesProgress = await handle.result()
        except TimeoutError:
            raise TemporalUnavailable(self._address, NOT_IN_TIME) from None
        except NothingThere:
            raise RequestLost(workflow_id, "Temporal does not know it any more") from None
        except WorkflowFailureError as failure:
            if (refusal := as_refusal(failure.cause)) is not None:
                raise ForwardedRefusal(refusal) from None
            raise RequestLost(workflow_id, str(failure.cause)) from None
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

    async def list(
        self, scope: Scope, *, due_as_of: date | None = None, after: str = "", limit: int = 100
    ) -> Sequence[ListedLine]:
        """Return lines by id, from the one after ``after``; only those due as of a day, if one is given.

        Raises:
            SubscriptionUnknown, ContractUnknown.

        """
        return await self._read(
            lambda session: list_lines(session, scope, due_as_of=due_as_of, after=after, limit=limit)
        )

    async def runs(self, limit: int = 10) -> Sequence[LineDatesProgress]:
        """Return the newest runs of the update, newest first."""
        return await self._read(lambda session: latest_runs(session, limit))

    async def ensure_schedule(self, zone: str) -> ScheduleDescription:
        """Create the schedule, or bring it up to date."""
        try:
            async with self._calling():
                handle = await ensure_schedule(self._temporal, zone, task_queue=self._connections.task_queue)
                return await handle.describe()
        except NothingThere:  # somebody deletes it at the same time
            raise ScheduleMissing from None

    async def schedule(self) -> ScheduleDescription:
        """Return the schedule. Raises ScheduleMissing."""
        return await self._there(lambda handle: handle.describe())

    async def pause(self, note: str) -> None:
        """Pause the schedule. Raises ScheduleMissing."""
        await self._there(lambda handle: handle.pause(note=note))

    async def resume(self, note: str) -> None:
        """Resume the schedule. Raises ScheduleMissing."""
        await self._there(lambda handle: handle.unpause(note=note))

    async def backfill(self, first: date, last: date, *, force: bool = False) -> None:
        """Run the update of each scheduled night from ``first`` to ``last``, one after the other.

        Seldom needed: one run catches up on all the nights that were missed. With ``force`` nights ahead run too, on request
        and with their instants, before this returns; the schedule itself starts nothing ahead of its time.

        Raises:
            ScheduleMissing, BackfillEndsBeforeItStarts, NightNotReached.

        """
        if last < first:
            raise BackfillEndsBeforeItStarts(first, last)
        zone = (await self.schedule()).schedule.spec.time_zone_name or "UTC"
        now = datetime.now(UTC)
        ahead = [night for night in nights_of(first, last, zone) if night > now]
        if ahead and not force:
            raise NightNotReached(ahead[-1], now, zone)
        days = ScheduleBackfill(
            start_at=start_of_day(first, zone),
            end_at=min(_end_of_day(last, zone), now),
            overlap=ScheduleOverlapPolicy.BUFFER_ALL,
        )
        if days.start_at < days.end_at:
            await self._there(lambda handle: handle.backfill(days))
        for night in ahead:
            await self.update(contract.UpdateLineDates(instant=night, zone=zone, force=True, actor=NIGHTLY_UPDATE))

    async def restore(self, run: str, *, actor: str, reason: str) -> RunRestored:
        """Take back what a run changed on lines that were not changed since; the others are named with the reasons.

        Repeating it changes nothing, but takes back what was locked the first time. Systems are not notified.

        Raises:
            RunUnknown, RunInProgress.

        """
        refuse_unclean_words(actor=actor, reason=reason)
        try:
            await self._read(lambda session: check_ended(session, run))
        except RunInProgress:
            if await self._goes_on(run):
                raise
        result, after = RunRestored(run=run), ""
        while True:
            chunk = await self._write(
                partial(restore_chunk, run=run, actor=actor, why=reason, at=datetime.now(UTC), after=after)
            )
            result = chunk.added_to(result)
            if chunk.last_line is None:
                return result
            after = chunk.last_line

    async def reopen(self, line: str, *, actor: str, reason: str, request_id: str | None = None) -> SubscriptionLine:
        """Take away the end date of a line that no case has set, and return the line.

        Raises:
            LineUnknown, LineClosed, LineHasNoEnd, LineEndSetByCase, LineOfEndedSubscription.

        """
        refuse_unclean_words(actor=actor, reason=reason, request_id=request_id)
        at = datetime.now(UTC)
        return await self._write(partial(reopen_line, line=line, actor=actor, why=reason, at=at, request=request_id))

    async def _goes_on(self, run: str) -> bool:
        """Return true unless the workflow of a run has ended; one that was terminated never records the end of its run."""
        workflow_id, _, first_run = run.rpartition("/")
        description = await self._description(workflow_id)
        return is_running(description) and description is not None and description.raw_info.first_run_id == first_run

    async def _there(self, ask: Callable[[ScheduleHandle], Awaitable[Answer]]) -> Answer:
        try:
            async with self._calling():
                return await ask(self._temporal.get_schedule_handle(contract.NIGHTLY_SCHEDULE))
        except NothingThere:
            raise ScheduleMissing from None


def _end_of_day(day: date, zone: str) -> datetime:
    return start_of_day(day + timedelta(days=1), zone) - timedelta(seconds=1)

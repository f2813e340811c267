"""Subscription lines and the update of their dates: list lines, request an update, watch it, and steer its schedule."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import TypeVar
from uuid import uuid4

from temporalio.client import (
    ScheduleBackfill,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

import contract
from domain.civil_time import start_of_day
from domain.lines.runs import LineDatesProgress, Scope
from domain.refusals import ForwardedRefusal, Refusal
from domain.remedies import Remedy, RemedyKind, correct_input
from records.lines.runs import ListedLine, find_progress, latest_runs, list_lines
from runtime.refusals import as_refusal
from starter.service.area import AreaClient
from starter.service.nightly_schedule import ensure_schedule

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

        ``watch`` is called with its progress, several times a second.

        Raises:
            ForwardedRefusal: the update was refused, with the code of the refusal.

        """
        workflow_id = f"{contract.NIGHTLY_SCHEDULE}-on-request-{request_id or uuid4()}"
        with suppress(WorkflowAlreadyStartedError):  # by the same request
            await self._temporal.start_workflow(
                contract.SUBSCRIPTION_LINE_DATES_UPDATE,
                wish,
                id=workflow_id,
                task_queue=self._connections.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary="Update subscription line dates on request",
            )
        handle = self._temporal.get_workflow_handle(workflow_id, result_type=LineDatesProgress)
        try:
            while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
                progress = await self._read(lambda session: find_progress(session, workflow_id))
                if progress is not None and watch is not None:
                    watch(progress)
                if progress is not None and progress.finished_at is not None:
                    return progress
                await asyncio.sleep(LOOK_AGAIN)
            result: LineDatesProgress = await handle.result()
        except WorkflowFailureError as failure:
            if (refusal := as_refusal(failure.cause)) is not None:
                raise ForwardedRefusal(refusal) from None
            raise
        return result

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
        return await (await ensure_schedule(self._temporal, zone, task_queue=self._connections.task_queue)).describe()

    async def schedule(self) -> ScheduleDescription:
        """Return the schedule. Raises ScheduleMissing."""
        return await self._there(lambda handle: handle.describe())

    async def pause(self, note: str) -> None:
        """Pause the schedule. Raises ScheduleMissing."""
        await self._there(lambda handle: handle.pause(note=note))

    async def resume(self, note: str) -> None:
        """Resume the schedule. Raises ScheduleMissing."""
        await self._there(lambda handle: handle.unpause(note=note))

    async def backfill(self, first: date, last: date) -> None:
        """Run the update as of each scheduled day from ``first`` to ``last``, one after the other.

        Seldom needed: one run catches up on all the nights that were missed.

        Raises:
            ScheduleMissing, BackfillEndsBeforeItStarts.

        """
        if last < first:
            raise BackfillEndsBeforeItStarts(first, last)
        zone = (await self.schedule()).schedule.spec.time_zone_name or "UTC"
        days = ScheduleBackfill(
            start_at=start_of_day(first, zone),
            end_at=_end_of_day(last, zone),
            overlap=ScheduleOverlapPolicy.BUFFER_ALL,
        )
        await self._there(lambda handle: handle.backfill(days))

    async def _there(self, ask: Callable[[ScheduleHandle], Awaitable[Answer]]) -> Answer:
        try:
            return await ask(self._temporal.get_schedule_handle(contract.NIGHTLY_SCHEDULE))
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise ScheduleMissing from None
            raise


def _end_of_day(day: date, zone: str) -> datetime:
    return start_of_day(day + timedelta(days=1), zone) - timedelta(seconds=1)

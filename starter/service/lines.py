"""The typed client of the update of line dates: ask for one, watch it, and steer its schedule."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import TypeVar
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from temporalio.client import (
    Client,
    ScheduleBackfill,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.service import RPCError, RPCStatusCode

import contract
from domain.civil_time import start_of_day
from domain.lines.runs import LineDatesProgress
from domain.refusals import ForwardedRefusal, Refusal
from domain.remedies import Remedy, RemedyKind, correct_input
from records.lines.runs import find_progress
from runtime.refusals import as_refusal
from starter.service.schedule import ensure_schedule

Answer = TypeVar("Answer")

LOOK_AGAIN = 0.3
"""Seconds between two looks at how far a run is."""


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


class LineDatesClient:
    """A client of the update."""

    def __init__(self, temporal: Client, engine: Engine, *, task_queue: str = contract.TASK_QUEUE) -> None:
        self._temporal = temporal
        self._engine = engine
        self._task_queue = task_queue

    async def update(
        self, wish: contract.UpdateLineDates, *, watch: Callable[[LineDatesProgress], None] | None = None
    ) -> LineDatesProgress:
        """Ask for an update and return what it did as soon as the lines are done; telling it goes on by itself.

        ``watch`` is called with how far it is, several times a second.

        Raises:
            ForwardedRefusal: the update was refused, with the code of the refusal.

        """
        workflow_id = f"{contract.NIGHTLY_SCHEDULE}-on-request-{uuid4()}"
        handle = await self._temporal.start_workflow(
            contract.SUBSCRIPTION_LINE_DATES_UPDATE,
            wish,
            id=workflow_id,
            task_queue=self._task_queue,
            result_type=LineDatesProgress,
            static_summary="Update subscription line dates on request",
        )
        try:
            while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
                progress = await asyncio.to_thread(self._progress, workflow_id)
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

    async def ensure_schedule(self, zone: str) -> ScheduleDescription:
        """Create the schedule, or bring it up to date."""
        return await (await ensure_schedule(self._temporal, zone, task_queue=self._task_queue)).describe()

    async def schedule(self) -> ScheduleDescription:
        """Return the schedule; raises ScheduleMissing."""
        return await self._there(lambda handle: handle.describe())

    async def pause(self, note: str) -> None:
        """Pause the schedule; raises ScheduleMissing."""
        await self._there(lambda handle: handle.pause(note=note))

    async def resume(self, note: str) -> None:
        """Let the schedule go on; raises ScheduleMissing."""
        await self._there(lambda handle: handle.unpause(note=note))

    async def backfill(self, first: date, last: date) -> None:
        """Run the update as of each scheduled day from ``first`` to ``last``, one after the other.

        Seldom needed: one run catches up whatever nights were missed.

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

    def _progress(self, workflow_id: str) -> LineDatesProgress | None:
        with Session(self._engine) as session:
            return find_progress(session, workflow_id)


def _end_of_day(day: date, zone: str) -> datetime:
    return start_of_day(day + timedelta(days=1), zone) - timedelta(seconds=1)

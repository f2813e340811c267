"""The activity of bulk cancellations: some seconds of judging or starting, repeated until nothing is left to do."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy.orm import Session
from temporalio import activity

from activities.bulk.starts import Starts
from activities.common.records import OnRecords
from activities.common.registration import Registered
from contract import WorkQueue
from contract.steps import BulkSlice, BulkSliceDone
from domain.bulk import PLAN_STANDS_FOR, BulkState
from records.bulk import execution, judging, lists, steering
from records.transaction import Transaction

Result = TypeVar("Result")

SLICE = timedelta(seconds=20)
"""The duration of one activity, after which the next one continues."""

JUDGED_TOGETHER = 100
"""The number of rows that one transaction judges: less than a second of work."""

LOOKS_AGAIN = timedelta(seconds=10)
"""The pause where Temporal or a case does not answer."""
LOOKS_AT_SWITCH_AGAIN = timedelta(minutes=1)
"""The pause while the kill switch is off; turning it on again is also notified."""

_BEAT = 1.0


class Bulks(OnRecords):
    """The activities of bulk cancellations. They are asynchronous, because they use the worker's client of Temporal."""

    @property
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {WorkQueue.BULK: [self.carry_out_bulk]}

    @activity.defn
    async def carry_out_bulk(self, work: BulkSlice) -> BulkSliceDone:
        """Do for some seconds what there is to do on a bulk, as its record has it; run again, it continues.

        While it is planned, its rows are judged; once a person has confirmed it, they are started, a few at once and so many
        a minute. A start that gets no answer is sent again by the next activity, under the same id.
        """
        ends_at = time.monotonic() + SLICE.total_seconds()
        progress = await self._read(partial(lists.progress_of, bulk=work.bulk))
        if progress is None:
            return BulkSliceDone()
        pause: timedelta | None = None
        if progress.state is BulkState.PLANNING:
            await self._judge(work.bulk, ends_at)
        elif progress.state is BulkState.PLANNED:
            await self._write(partial(steering.expire_if_due, bulk=work.bulk, at=_now()))
        else:  # what was under way when it was stopped or killed gets its result, too
            pause = await self._start_rows(work, ends_at)
            await self._write(partial(execution.finish_if_done, bulk=work.bulk, at=_now()))
        return await self._done(work.bulk, pause)

    async def _done(self, bulk: str, pause: timedelta | None) -> BulkSliceDone:
        progress = await self._read(partial(lists.progress_of, bulk=bulk))
        if progress is None:
            return BulkSliceDone()
        match progress.state:
            case BulkState.PLANNED:
                pause = await self._read(partial(_until_expired, bulk))
            case BulkState.PLANNING:
                pause = timedelta(0)
            case BulkState.RUNNING:
                switched_off = LOOKS_AT_SWITCH_AGAIN if progress.is_switched_off else timedelta(0)
                pause = max(pause or timedelta(0), switched_off)
            case _:  # stopped or ended: a row without an answer is asked about again
                pass
        return BulkSliceDone(progress=progress, look_again_after=None if pause is None else pause.total_seconds())

    async def _judge(self, bulk: str, ends_at: float) -> None:
        while await self._write(partial(judging.judge_some, bulk=bulk, most=JUDGED_TOGETHER)):
            activity.heartbeat()
            if time.monotonic() >= ends_at or activity.is_worker_shutdown():
                return
        await self._write(partial(judging.complete_plan, bulk=bulk, at=_now()))

    async def _start_rows(self, work: BulkSlice, ends_at: float) -> timedelta | None:
        """Start rows until the time is over or none is left to be handed out; return the pause before the next look, if one is needed."""
        starts = Starts(activity.client(), work.task_queue)
        left_over = await self._read(partial(execution.rows_under_way, bulk=work.bulk))
        running = {asyncio.create_task(self._start_row(starts, work.bulk, row)) for row in left_over}
        unanswered, wait = 0, None
        try:
            while True:
                activity.heartbeat()
                claim = execution.Claim()
                if time.monotonic() < ends_at and not activity.is_worker_shutdown():
                    claim = await self._write(partial(execution.claim_row, bulk=work.bulk))
                if claim.row is not None:
                    running.add(asyncio.create_task(self._start_row(starts, work.bulk, claim.row)))
                    continue
                wait = claim.wait
                if not running and (wait is None or wait.total_seconds() > ends_at - time.monotonic()):
                    return _pause(wait, unanswered)
                done, running = await _some_done(running, wait)
                unanswered += sum(not task.result() for task in done)
        finally:
            for task in running:
                task.cancel()

    async def _start_row(self, starts: Starts, bulk: str, number: int) -> bool:
        """Start a row that was handed out, and keep its result; return False where there is none yet, whatever it met."""
        try:
            return await self._started(starts, bulk, number)
        except Exception as error:  # noqa: BLE001 - it is asked about again, and the other rows go on
            activity.logger.warning("Row %d of %s has no result yet: %s", number, bulk, type(error).__name__)
            return False

    async def _started(self, starts: Starts, bulk: str, number: int) -> bool:
        row = partial(execution.prepare_row, bulk=bulk, number=number, at=_now())
        start = await self._write(row)
        if start is None:
            return True
        answer = await starts.send(start)
        await self._write(
            partial(
                execution.keep_result,
                bulk=bulk,
                number=number,
                at=_now(),
                cancellation=answer.cancellation,
                refusal=answer.refusal,
            )
        )
        return True

    async def _read(self, query: Callable[[Session], Result]) -> Result:
        return await self._write(lambda transaction: query(transaction.session))

    async def _write(self, step: Callable[[Transaction], Result]) -> Result:
        def run() -> Result:
            with self._transaction() as transaction:
                return step(transaction)

        return await asyncio.to_thread(run)


async def _some_done(
    running: set[asyncio.Task[bool]], wait: timedelta | None
) -> tuple[set[asyncio.Task[bool]], set[asyncio.Task[bool]]]:
    """Wait until a start has its answer, or the next row may be handed out, or a heartbeat is due."""
    seconds = _BEAT if wait is None else min(wait.total_seconds(), _BEAT)
    if not running:
        await asyncio.sleep(seconds)
        return set(), running
    return await asyncio.wait(running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


def _pause(wait: timedelta | None, unanswered: int) -> timedelta | None:
    return max(wait or timedelta(0), LOOKS_AGAIN) if unanswered else wait


def _until_expired(bulk: str, session: Session) -> timedelta:
    row = lists.find(session, bulk)
    return max(row.planned_at + PLAN_STANDS_FOR - _now(), timedelta(seconds=1))


def _now() -> datetime:
    return datetime.now(UTC)

"""The schedule of the nightly update: shown, brought up to date, paused, resumed, and made up for."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict
from temporalio.client import ScheduleBackfill, ScheduleDescription, ScheduleHandle, ScheduleOverlapPolicy

import contract
from contract.clean import refuse_unclean_words
from domain.actors import NIGHTLY_UPDATE
from domain.civil_time import start_of_day, time_zone
from domain.lines.runs import NightNotReached
from domain.permissions import Operation
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input
from records import audit
from records.transaction import Transaction
from runtime.temporal_refusals import NothingThere
from starter.service.direct import marks
from starter.service.line_updates import LineUpdateClient
from starter.service.nightly_schedule import ensure_schedule, nights_of

Answer = TypeVar("Answer")

MOST_NIGHTS = 366
EARLIEST, LATEST = date(2000, 1, 1), date(9000, 1, 1)
NEXT_RUNS = 3
"""The number of coming runs that a schedule is shown with."""


class ScheduleView(BaseModel):
    """The schedule of the nightly update, as Temporal has it."""

    model_config = ConfigDict(frozen=True)

    schedule: str
    zone: str
    """The IANA zone in which it runs at 04:00."""
    paused: bool
    note: str
    next_runs: tuple[datetime, ...]
    running: int

    @classmethod
    def of(cls, found: ScheduleDescription) -> Self:
        """Return what people need of a description."""
        return cls(
            schedule=found.id,
            zone=found.schedule.spec.time_zone_name or "UTC",
            paused=found.schedule.state.paused,
            note=found.schedule.state.note or "",
            next_runs=tuple(found.info.next_action_times[:NEXT_RUNS]),
            running=len(found.info.running_actions),
        )


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


class BackfillTooLong(Refusal):
    """A backfill of more nights than one ever needs, or of a time without any."""

    code = "backfill_too_long"

    def __init__(self, first: date, last: date) -> None:
        super().__init__(
            f"The backfill of {first} to {last} is of more than {MOST_NIGHTS} nights, or of another time than ours.",
            remedy=correct_input("One run catches up on all the nights that were missed: name the last of them."),
        )


_DONE = {
    Operation.ENSURE_SCHEDULE: "ensured",
    Operation.PAUSE_SCHEDULE: "paused",
    Operation.RESUME_SCHEDULE: "resumed",
    Operation.BACKFILL: "backfilled",
}


class LineScheduleClient(LineUpdateClient):
    """The part of the area of subscription lines that steers the schedule.

    Each command sets a state, so that repeating it changes nothing. One with an ``actor`` is audited, which needs the records;
    without, Temporal alone is needed.
    """

    async def schedule(self) -> ScheduleView:
        """Return the schedule. Raises ScheduleMissing."""
        return await self._there(self._view)

    async def ensure_schedule(
        self, zone: str, *, actor: str | None = None, request_id: str | None = None
    ) -> ScheduleView:
        """Create the schedule, or bring it up to date. Raises TimeZoneUnknown."""
        time_zone(zone)

        async def ensured() -> ScheduleView:
            try:
                async with self._calling():
                    handle = await ensure_schedule(self._temporal, zone, task_queue=self._connections.task_queue)
                    return await self._view(handle)
            except NothingThere:  # somebody deletes it at the same time
                raise ScheduleMissing from None

        return await self._steered(Operation.ENSURE_SCHEDULE, ensured, actor, request_id, zone=zone)

    async def pause(self, note: str, *, actor: str | None = None, request_id: str | None = None) -> ScheduleView:
        """Pause the schedule. Raises ScheduleMissing."""

        async def paused() -> ScheduleView:
            await self._there(lambda handle: handle.pause(note=note))
            return await self.schedule()

        return await self._steered(Operation.PAUSE_SCHEDULE, paused, actor, request_id, why=note)

    async def resume(self, note: str, *, actor: str | None = None, request_id: str | None = None) -> ScheduleView:
        """Resume the schedule. Raises ScheduleMissing."""

        async def resumed() -> ScheduleView:
            await self._there(lambda handle: handle.unpause(note=note))
            return await self.schedule()

        return await self._steered(Operation.RESUME_SCHEDULE, resumed, actor, request_id, why=note)

    async def backfill(
        self,
        first: date,
        last: date,
        *,
        force: bool = False,
        actor: str | None = None,
        request_id: str | None = None,
    ) -> ScheduleView:
        """Run the update of each scheduled night from ``first`` to ``last``, one after the other.

        Seldom needed: one run catches up on all the nights that were missed. With ``force`` nights ahead run too, on request
        and with their instants, before this returns; the schedule itself starts nothing ahead of its time.

        Raises:
            ScheduleMissing, BackfillEndsBeforeItStarts, BackfillTooLong, NightNotReached.

        """
        if last < first:
            raise BackfillEndsBeforeItStarts(first, last)
        if first < EARLIEST or last > LATEST or (last - first).days > MOST_NIGHTS:
            raise BackfillTooLong(first, last)
        zone = (await self.schedule()).zone
        now = datetime.now(UTC)
        ahead = [night for night in nights_of(first, last, zone) if night > now]
        if ahead and not force:
            raise NightNotReached(ahead[-1], now, zone)
        days = ScheduleBackfill(
            start_at=start_of_day(first, zone),
            end_at=min(_end_of_day(last, zone), now),
            overlap=ScheduleOverlapPolicy.BUFFER_ALL,
        )

        async def backfilled() -> ScheduleView:
            if days.start_at < days.end_at:
                await self._there(lambda handle: handle.backfill(days))
            for night in ahead:
                wish = contract.UpdateLineDates(instant=night, zone=zone, force=True, actor=actor or NIGHTLY_UPDATE)
                await self.update(wish)
            return await self.schedule()

        nights = {"first": first.isoformat(), "last": last.isoformat(), "force": force}
        return await self._steered(Operation.BACKFILL, backfilled, actor, request_id, **nights)

    async def _steered(
        self,
        operation: Operation,
        act: Callable[[], Awaitable[ScheduleView]],
        actor: str | None,
        request_id: str | None,
        /,
        **content: Any,
    ) -> ScheduleView:
        """Do what somebody asks for, and audit that they asked, and that it was done; the same request again does nothing.

        Raises:
            RequestIdReused.

        """
        if actor is None:
            return await act()
        refuse_unclean_words(actor=actor, request_id=request_id, note=content.get("why"))
        about = {name: value for name, value in content.items() if name != "why"} or None

        def entry(action: str) -> Callable[[Transaction], bool]:
            facts: dict[str, Any] = {"actor": actor, "why": content.get("why"), "after": about}
            return lambda transaction: audit.record(transaction, action, at=datetime.now(UTC), **facts)

        async def audited() -> ScheduleView:
            await self._write(entry(f"schedule.{operation.value.partition('.')[2]}.requested"))
            done = await act()
            await self._write(entry(f"schedule.{_DONE[operation]}"))
            return done

        return await self._reported_once(marks(operation, request_id, actor, content), ScheduleView, audited)

    async def _view(self, handle: ScheduleHandle) -> ScheduleView:
        return ScheduleView.of(await handle.describe())

    async def _there(self, ask: Callable[[ScheduleHandle], Awaitable[Answer]]) -> Answer:
        try:
            async with self._calling():
                return await ask(self._temporal.get_schedule_handle(contract.NIGHTLY_SCHEDULE))
        except NothingThere:
            raise ScheduleMissing from None


def _end_of_day(day: date, zone: str) -> datetime:
    return start_of_day(day + timedelta(days=1), zone) - timedelta(seconds=1)

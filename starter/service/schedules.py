"""Schedules in Temporal, made or brought up to date at every deployment, the same each time."""

from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleHandle,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from contract.readable import Readable


async def ensure(client: Client, schedule_id: str, schedule: Schedule) -> ScheduleHandle:
    """Create a schedule, or bring the existing one up to date; a pause and its note stay as they are."""
    try:
        return await client.create_schedule(schedule_id, schedule)
    except ScheduleAlreadyRunningError:
        handle = client.get_schedule_handle(schedule_id)

        def bring_up_to_date(found: ScheduleUpdateInput) -> ScheduleUpdate:
            schedule.state = found.description.schedule.state
            return ScheduleUpdate(schedule)

        await handle.update(bring_up_to_date)
        return handle


def regularly(
    workflow: str,
    *messages: Any,
    schedule_id: str,
    every: timedelta,
    offset: timedelta,
    task_queue: str,
    summary: str,
    details: str,
) -> Schedule:
    """Return a schedule of a workflow, one run at a time. A missed run need not be made up for."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            workflow,
            *messages,
            id=schedule_id,  # Temporal appends the scheduled instant
            task_queue=task_queue,
            static_summary=Readable(summary),
            static_details=Readable(details),
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every, offset=offset)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=every),
    )

"""A schedule in Temporal, made or brought up to date at every deployment, the same each time."""

from temporalio.client import (
    Client,
    Schedule,
    ScheduleAlreadyRunningError,
    ScheduleHandle,
    ScheduleUpdate,
    ScheduleUpdateInput,
)


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

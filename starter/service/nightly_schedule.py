"""The Temporal Schedule that runs the nightly update of line dates: ensured at every deployment, the same each time."""

from datetime import UTC, date, datetime, time, timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)

import contract
from contract.readable import Readable
from domain.civil_time import time_zone
from starter.service.schedules import ensure

HOUR = 4
"""04:00, outside business hours, and an hour that no zone's clocks skip or repeat: every night has one run."""

JITTER = timedelta(minutes=2)
"""Spreads installations that share a database or a cluster; the date is the scheduled one all the same."""

CATCHUP_WINDOW = timedelta(days=1)
"""After an outage of Temporal, nights this recent are made up for. Older ones need not be: a run catches up by itself."""


async def ensure_schedule(client: Client, zone: str, *, task_queue: str = contract.TASK_QUEUE) -> ScheduleHandle:
    """Create the schedule, or bring the existing one up to date; a pause and its note stay as they are."""
    return await ensure(client, contract.NIGHTLY_SCHEDULE, nightly_schedule(zone, task_queue))


def nights_of(first: date, last: date, zone: str) -> list[datetime]:
    """Return the scheduled instants (UTC) of the days from ``first`` to ``last``."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [datetime.combine(day, time(HOUR), tzinfo=time_zone(zone)).astimezone(UTC) for day in days]


def nightly_schedule(zone: str, task_queue: str) -> Schedule:
    """Return the schedule: daily at 04:00 in a zone, one run at a time."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            contract.SUBSCRIPTION_LINE_DATES_UPDATE,
            # Only what is set: workers of the version before, which refuse fields that they do not know, run it too.
            contract.UpdateLineDates(zone=zone).model_dump(mode="json", exclude_unset=True),
            id=contract.NIGHTLY_SCHEDULE,  # Temporal appends the scheduled instant
            task_queue=task_queue,
            static_summary=Readable("Update subscription line dates"),
            static_details=Readable(
                "Closes lines that ended and are fully invoiced, and rolls terms whose deadline is past."
            ),
        ),
        spec=ScheduleSpec(
            calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(HOUR)], comment="daily, outside business hours")],
            time_zone_name=zone,
            jitter=JITTER,
        ),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCHUP_WINDOW, pause_on_failure=True),
    )

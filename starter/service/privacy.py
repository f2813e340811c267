"""What is kept about a person, and the schedule that removes it when its time is over."""

from collections.abc import Sequence
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleHandle,
)

import contract
from domain.privacy import Kept
from records import privacy
from starter.service.area import AreaClient
from starter.service.schedules import ensure, regularly

EVERY = timedelta(days=1)

OFFSET = timedelta(hours=1, minutes=47)
"""Away from the full hour, at which other jobs begin."""


class PrivacyClient(AreaClient):
    """The area of personal data, which is looked for in the records."""

    async def find(self, address: str) -> Sequence[Kept]:
        """Return everything that is kept about a person, by an address of theirs, and until when."""
        return await self._read_long(lambda session: privacy.find(session, address))


async def ensure_retention(client: Client, *, task_queue: str = contract.TASK_QUEUE) -> ScheduleHandle:
    """Create the daily schedule, or bring the existing one up to date; a pause and its note stay as they are."""
    return await ensure(client, contract.RETENTION_SCHEDULE, daily_schedule(task_queue))


def daily_schedule(task_queue: str) -> Schedule:
    """Return the schedule: every day, one run at a time. A missed one need not be made up for."""
    return regularly(
        contract.PERSONAL_DATA_RETENTION,
        schedule_id=contract.RETENTION_SCHEDULE,
        every=EVERY,
        offset=OFFSET,
        task_queue=task_queue,
        summary="Remove personal data whose time is over",
        details="Removes addresses, names, letters and words of cases that ended long enough ago.",
    )

"""Updates of line dates for tests: started, blocked, and watched."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session
from temporalio.client import WorkflowHandle

import contract
from domain.lines.runs import LineDatesProgress
from records.lines.runs import find_progress
from storage.tables import SubscriptionLineRow
from tests.support.world import World, eventually

DUE: dict[str, Any] = {
    "subsequent_term": "1Y",
    "notice_period": "3M",
    "term_until": date(2026, 12, 31),
    "cancellation_possible_until": date(2026, 9, 30),
}
"""A line whose deadline is past, as of `TODAY`."""
ENDED: dict[str, Any] = {"end_date": date(2026, 9, 30), "next_billing_date": date(2026, 10, 1)}
"""A line that has ended and is fully invoiced, as of `TODAY`."""
TODAY = date(2026, 10, 1)

Update = WorkflowHandle[Any, LineDatesProgress]


async def start_update(world: World, **fields: Any) -> Update:
    """Ask for an update."""
    return await world.environment.client.start_workflow(
        contract.SUBSCRIPTION_LINE_DATES_UPDATE,
        contract.UpdateLineDates(**fields),
        id=f"{contract.NIGHTLY_SCHEDULE}-{uuid4()}",
        task_queue=world.task_queue,
        result_type=LineDatesProgress,
    )


async def progress_of(world: World, workflow_id: str) -> LineDatesProgress | None:
    """The progress of an update as the database has it, which is never late."""

    def find() -> LineDatesProgress | None:
        with Session(world.engine) as session:
            return find_progress(session, workflow_id)

    return await asyncio.to_thread(find)


@contextmanager
def line_held(world: World, line: str) -> Iterator[None]:
    """Hold a line as somebody does who is about to change it, and then does not."""
    with world.engine.connect() as other, other.begin() as held:
        other.execute(select(SubscriptionLineRow).where(SubscriptionLineRow.id == line).with_for_update())
        yield
        held.rollback()


WAITS_FOR_US = "SELECT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"


async def waits_for(connection: Connection) -> int:
    """Wait until somebody waits for what a connection holds; return who, as PostgreSQL numbers them."""
    found: list[int] = []

    async def somebody_waits() -> bool:
        found.extend(await asyncio.to_thread(lambda: connection.scalars(text(WAITS_FOR_US)).all()))
        return bool(found)

    await eventually(somebody_waits)
    return found[0]

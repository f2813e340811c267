"""Bulks in a world: files of rows, plans that are waited for, and what became of each row."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from domain.bulk import BulkState, RowState
from records.bulk.lists import BulkRowView, BulkStatus
from tests.support.world import World, eventually

PLANNER, CONFIRMER = "planner-1", "lead-2"


def row(world: World, subscription: str, **more: str) -> dict[str, str]:
    """A row that opens a case with everything answered and attested: access ends at once."""
    return {
        "subscription": subscription,
        **world.answers(subscription),
        "attestation": "a list by the sales team",
        **more,
    }


def short(subscription: str, **more: str) -> dict[str, str]:
    """A row that says nothing but which subscription."""
    return {"subscription": subscription, **more}


def as_file(rows: Sequence[Mapping[str, str]]) -> str:
    """The file of some rows."""
    columns = list(dict.fromkeys(name for one in rows for name in one))
    written = io.StringIO()
    writer = csv.DictWriter(written, columns)
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


async def planned(world: World, rows: Sequence[Mapping[str, str]], **more: Any) -> BulkStatus:
    """Have a file planned, and wait for its plan."""
    given = {"actor": PLANNER, "reason": "they all leave", "source": "leavers.csv", **more}
    status = await world.offramp.bulk.plan(csv=as_file(rows), **given)
    return await until(world, status.bulk, BulkState.PLANNED)


async def confirmed(world: World, plan: BulkStatus, **more: Any) -> BulkStatus:
    """Confirm a plan as it is."""
    given = {"actor": CONFIRMER, "reason": "looked at every row", "digest": str(plan.digest), **more}
    return await world.offramp.bulk.confirm(plan.bulk, **given)


async def until(world: World, bulk: str, *states: BulkState, within: float = 120) -> BulkStatus:
    """Wait until a bulk has one of some states."""
    found: list[BulkStatus] = []

    async def is_there() -> bool:
        found[:] = [await world.offramp.bulk.status(bulk)]
        return found[0].state in states

    await eventually(is_there, within=within)
    return found[0]


async def rows_of(world: World, bulk: str, *states: RowState) -> list[BulkRowView]:
    """Every row of a bulk in some states, page by page."""
    found: list[BulkRowView] = []
    after = 0
    while True:
        page = await world.offramp.bulk.rows(bulk, states=states, after=after, limit=1000)
        found += page.rows
        if page.next is None:
            return found
        after = page.next

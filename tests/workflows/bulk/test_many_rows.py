"""Large bulks are judged in seconds, and carried out with a history that does not grow with them; `make soak-bulk` has the largest."""

import os
import time
from datetime import timedelta

import pytest
from sqlalchemy import text

import contract
from domain.bulk import MOST_AT_ONCE, MOST_PER_MINUTE, BulkState, RowState
from tests.support.bulks import CONFIRMER, PLANNER, as_file, short, until
from tests.support.histories import assert_sound, histories_of
from tests.support.world import World

ROWS = int(os.environ.get("OFFRAMP_BULK_ROWS", "500"))
MOST_EVENTS = 200 * 12
"""The events of a run: so many activities, and what is around each."""
LONGEST = timedelta(hours=2)


def populated(world: World, number: int) -> list[str]:
    """Many subscriptions, each of an organization of its own with one line."""
    key = world.subscription()
    template = world.organization(key)
    organization = (
        "INSERT INTO organizations (id, url, unique_name, time_zone, platform, purpose, billing_administrator, policy) "
        "SELECT 'ORG-' || n, 'https://' || n || '.example', 'contoso-' || n, time_zone, platform, purpose, "
        "'ada@' || n || '.example', policy FROM organizations, generate_series(1, :number) n WHERE id = :template"
    )
    subscription = "INSERT INTO subscriptions (id, organization, description) SELECT 'SUB-' || n, 'ORG-' || n, 'Sales' FROM generate_series(1, :number) n"
    line = (
        "INSERT INTO subscription_lines (id, subscription, partner, start_date, billing_rhythm) "
        "SELECT 'SUB-' || n || '-1', 'SUB-' || n, 'customer', '2020-01-01', '1M' FROM generate_series(1, :number) n"
    )
    with world.engine.begin() as connection:
        for statement in (organization, subscription, line):
            connection.execute(text(statement), {"number": number, "template": template})
        connection.execute(text("ANALYZE"))
    return [f"SUB-{each}" for each in range(1, number + 1)]


async def waited_for(world: World, bulk: str, *states: BulkState) -> float:
    """Wait until a bulk has one of some states; return the seconds that it took."""
    began = time.monotonic()
    await until(world, bulk, *states, within=LONGEST.total_seconds())
    return time.monotonic() - began


@pytest.mark.soak
@pytest.mark.endurance
@pytest.mark.timeout(LONGEST.total_seconds())
async def test_many_rows_leave_a_history_of_constant_length(idle_world: World, request: pytest.FixtureRequest) -> None:
    world = idle_world
    subscriptions = populated(world, ROWS)
    async with world.worker():
        with world.environment.with_time_skipping_disabled():
            bulk = (
                await world.offramp.bulk.plan(
                    csv=as_file([short(each) for each in subscriptions]),
                    source="leavers.csv",
                    reason="the product ends",
                    at_once=MOST_AT_ONCE,
                    per_minute=MOST_PER_MINUTE,
                    actor=PLANNER,
                )
            ).bulk
            judged = await waited_for(world, bulk, BulkState.PLANNED)
            plan = await world.offramp.bulk.status(bulk)
            assert plan.ready == ROWS
            handle = world.environment.client.get_workflow_handle(contract.bulk_workflow_id(bulk))
            await world.offramp.bulk.confirm(bulk, digest=str(plan.digest), reason="as agreed", actor=CONFIRMER)
            started = await waited_for(world, bulk, BulkState.FINISHED)
            done = await world.offramp.bulk.status(bulk)
            await handle.result()
            length = (await handle.describe()).history_length
            await assert_sound(await histories_of(world.environment.client, contract.bulk_workflow_id(bulk)))
    figures = {"judged in seconds": round(judged), "started in seconds": round(started), "events": length}
    request.node.user_properties += figures.items()  # which `--junitxml` shows
    assert done.rows == {RowState.STARTED: ROWS}
    assert length <= MOST_EVENTS
    with world.engine.connect() as connection:
        cases = connection.execute(text("SELECT count(*), count(DISTINCT subscription) FROM cancellations")).one()
    assert tuple(cases) == (ROWS, ROWS)

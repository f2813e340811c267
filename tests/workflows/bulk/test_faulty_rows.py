"""A fault that one row meets is that row's result, when it is judged and when it is started, and holds up no other one."""

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from domain.bulk import BulkState, RowState
from storage.tables import PolicyRow, SubscriptionLineRow
from tests.support.bulks import confirmed, planned, row, rows_of, short, until
from tests.support.world import World

NONSENSE = "Mars/Olympus"


def with_a_zone_that_there_is_not(world: World, subscription: str) -> None:
    """What no row of its hundred can be read beside."""
    world.change_organization(subscription, time_zone=NONSENSE)


def with_a_policy_that_nobody_reads(world: World, subscription: str) -> None:
    """What makes a fault that no rule knows."""
    with world.engine.begin() as connection:
        policy = insert(PolicyRow).values(name=f"of-{subscription}", durations={"reversal_window": NONSENSE})
        connection.execute(policy)
    world.change_organization(subscription, policy=f"of-{subscription}")


FAULTS = pytest.mark.parametrize(
    ("spoilt", "code"),
    [(with_a_zone_that_there_is_not, "time_zone_unknown"), (with_a_policy_that_nobody_reads, "bulk_row_failed")],
)
Spoil = Callable[[World, str], None]


@FAULTS
async def test_a_row_whose_data_makes_a_fault_is_refused_in_the_plan_and_the_others_are_started(
    world: World, spoilt: Spoil, code: str
) -> None:
    before, faulty, after = (world.subscription() for _ in range(3))
    spoilt(world, faulty)
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, [row(world, before), short(faulty), row(world, after)])
        assert (plan.ready, plan.refusals) == (2, {code: 1})
        await confirmed(world, plan)
        done = await until(world, plan.bulk, BulkState.FINISHED)
    assert done.rows == {RowState.STARTED: 2, RowState.REFUSED: 1}
    [refused] = await rows_of(world, plan.bulk, RowState.REFUSED)
    assert refused.subscription == faulty
    assert refused.refusal is not None
    assert refused.refusal.way_out
    assert world.actions(faulty) == []


@FAULTS
async def test_a_row_that_meets_a_fault_when_it_is_started_is_refused_and_the_others_are_started(
    world: World, spoilt: Spoil, code: str
) -> None:
    before, faulty, after = (world.subscription() for _ in range(3))
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, [row(world, each) for each in (before, faulty, after)])
        spoilt(world, faulty)
        await confirmed(world, plan)
        done = await until(world, plan.bulk, BulkState.FINISHED)
    assert (done.rows, done.refusals) == ({RowState.STARTED: 2, RowState.REFUSED: 1}, {code: 1})
    assert world.actions(faulty) == []


async def test_a_line_from_the_edge_of_the_calendar_is_quoted_and_cancelled_like_any_other(world: World) -> None:
    old, other = world.subscription(), world.subscription()
    with Session(world.engine) as session, session.begin():
        line = session.get_one(SubscriptionLineRow, world.line(old).id)
        line.start_date = line.next_billing_date = date.min  # as an import took them, before there were bounds
    assert (await world.service.quote(old, terminate_on=None)).lines
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, [row(world, old), row(world, other)])
        await confirmed(world, plan)
        done = await until(world, plan.bulk, BulkState.FINISHED)
    assert done.rows == {RowState.STARTED: 2}

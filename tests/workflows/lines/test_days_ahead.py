"""An update ahead of its day is refused through Temporal as through every other door, unless it is forced."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

import contract
from domain.civil_time import last_day_at
from domain.lines.runs import LineDatesProgress
from tests.support.nights import DUE, start_update
from tests.support.world import World

HONOLULU: dict[str, Any] = {
    "start_date": date(2026, 1, 1),
    "initial_term": "1Y",
    "subsequent_term": "1Y",
    "notice_period": "36D",
    "term_until": date(2026, 12, 31),
    "cancellation_possible_until": date(2026, 11, 25),
}


async def refusal_of(world: World, **wish: Any) -> ApplicationError:
    """The refusal that an update ends with."""
    with pytest.raises(WorkflowFailureError) as failed:
        await (await start_update(world, **wish)).result()
    assert isinstance(failed.value.cause, ApplicationError)
    return failed.value.cause


async def test_the_last_day_that_a_zone_has_reached_is_updated_and_the_next_is_refused(world: World) -> None:
    subscription = world.subscription(lines=[DUE])
    last = last_day_at(datetime.now(UTC))
    refusal = await refusal_of(world, subscription=subscription, as_of=last + timedelta(days=2))
    assert refusal.type == "day_not_reached"
    assert (last + timedelta(days=2)).isoformat() in str(refusal)
    assert world.line(subscription).term_until == DUE["term_until"]
    assert (await (await start_update(world, subscription=subscription, as_of=last)).result()).as_of == last


async def test_a_day_ahead_is_updated_if_it_is_forced(world: World) -> None:
    subscription = world.subscription(lines=[DUE])
    ahead = date(2035, 1, 1)
    result = await (await start_update(world, subscription=subscription, as_of=ahead, force=True)).result()
    assert (result.as_of, result.rolled) == (ahead, 1)
    assert world.line(subscription).term_until == date(2035, 12, 31)


async def test_an_instant_ahead_is_refused_and_can_be_forced(world: World) -> None:
    subscription = world.subscription(lines=[DUE])
    ahead = datetime(2035, 1, 1, tzinfo=UTC)
    assert (await refusal_of(world, subscription=subscription, instant=ahead)).type == "night_not_reached"
    result = await (await start_update(world, subscription=subscription, instant=ahead, force=True)).result()
    assert (result.instant, result.rolled) == (ahead, 1)


async def test_an_update_for_an_instant_goes_by_the_day_of_each_organization(world: World) -> None:
    behind = world.subscription(zone="Pacific/Honolulu", lines=[HONOLULU])
    there = world.subscription(zone="Europe/Berlin", lines=[HONOLULU])
    for subscription in (behind, there):
        await (
            await start_update(world, subscription=subscription, instant=datetime(2026, 11, 26, 0, tzinfo=UTC))
        ).result()
    assert world.line(behind).term_until == date(2026, 12, 31)
    assert world.line(there).term_until == date(2027, 12, 31)


@pytest.mark.parametrize(
    "wish",
    [
        {"as_of": "2026-10-01", "instant": "2026-10-01T00:00:00Z"},
        {"instant": "2026-10-01T00:00:00"},
        {"instant": "9999-12-31T23:00:00Z", "force": True},
        {"instant": "0001-01-01T00:00:00Z"},
        {"force": "perhaps"},
    ],
    ids=["both", "no zone", "end of the calendar", "its beginning", "neither yes nor no"],
)
async def test_a_malformed_instant_is_refused(world: World, wish: dict[str, Any]) -> None:
    handle = await world.environment.client.start_workflow(
        contract.SUBSCRIPTION_LINE_DATES_UPDATE,
        wish,
        id=f"{world.task_queue}-{sorted(wish.items())}",
        task_queue=world.task_queue,
        result_type=LineDatesProgress,
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == "input_malformed"

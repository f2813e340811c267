"""Whole lives of cancellations with data: recorded once, replayed by every later version."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from contract import cancellation_workflow_id
from domain.vocabulary import Stage
from tests.support.world import AGENT, World, eventually
from tests.workflows.cancellation.test_export import ROWS, acknowledge, exported, reached
from tests.workflows.test_replay import HISTORIES, assert_fingerprint


async def fetched_and_erased(world: World) -> str:
    """The data is exported, a fresh link asked for, the download acknowledged, and everything erased in the end."""
    subscription = await exported(world)
    await world.offramp.exports.renew_link(subscription, export=f"{subscription}/1", actor=AGENT)
    await acknowledge(world, subscription)
    await world.pass_time(subscription, timedelta(days=31))
    await world.handle(subscription).result()
    return subscription


async def reversed_after_the_export(world: World) -> str:
    """The customer comes back, and the copies of the data are removed."""
    subscription = await exported(world)
    await world.pass_time(subscription, timedelta(days=1))
    await world.request_reversal(subscription, cancellation=f"{subscription}/1")
    await world.handle(subscription).result()
    return subscription


async def held(world: World) -> str:
    """The data is under a hold when its time has come, and is erased when the hold is released."""
    subscription = world.subscription(data_rows=ROWS)
    holds = world.offramp.holds
    organization = subscription.replace("SUB-", "ORG-")
    hold = await holds.place(organization, reason="litigation", actor="legal", request_id=subscription)
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(days=31))
    await reached(world, subscription, Stage.CLOSED)

    async def waits() -> bool:
        return (await world.service.status(subscription)).erasure_waits_for == "hold"

    await eventually(waits)
    await holds.release(hold.id, reason="settled", actor="legal")
    await world.handle(subscription).result()
    return subscription


LIVES: dict[str, Callable[[World], Awaitable[str]]] = {
    "export": fetched_and_erased,
    "export-reversed": reversed_after_the_export,
    "hold": held,
}


@pytest.mark.parametrize("life", LIVES)
async def test_a_life_gives_the_commands_of_its_fingerprint(data_world: World, life: str) -> None:
    subscription = await LIVES[life](data_world)
    await assert_fingerprint(data_world, cancellation_workflow_id(subscription), life)


def test_every_life_is_recorded() -> None:
    assert set(LIVES) <= {path.stem for path in HISTORIES.glob("*.json")}

"""Whole lives of migrations and of the cancellations that waited for them: recorded once, replayed by every later version."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from contract import cancellation_workflow_id, migration_workflow_id
from tests.support.migrations import Migrations
from tests.support.world import AGENT
from tests.workflows.test_replay import HISTORIES, assert_fingerprint


async def completed(migrations: Migrations) -> str:
    """Reminded of once, corrected once, transferred twice, and completed; the cancellation is over when its window is."""
    a_moment = timedelta(minutes=1)
    subscription = migrations.organization()
    await migrations.requested(subscription)
    await migrations.pass_time(subscription, timedelta(days=3))
    await migrations.available(subscription)
    await migrations.pass_time(subscription, a_moment)
    await migrations.corrected(subscription, transfer_again=True)
    await migrations.transferred(subscription, 2)
    await migrations.pass_time(subscription, a_moment)
    await migrations.acknowledged(subscription, transfer=2)
    await migrations.pass_time(subscription, a_moment)
    await migrations.reported(subscription)
    await migrations.handle(subscription).result()
    await migrations.world.pass_time(subscription, timedelta(minutes=1))
    return subscription


async def withdrawn(migrations: Migrations) -> str:
    """The customer changes their mind while the data waits to be downloaded."""
    subscription = migrations.organization()
    await migrations.requested(subscription)
    await migrations.pass_time(subscription, timedelta(minutes=1))  # the timers of one stage run before the next begins
    await migrations.available(subscription)
    await migrations.pass_time(subscription, timedelta(minutes=1))
    await migrations.world.service.withdraw(subscription, actor=AGENT, reason="they stay")
    await migrations.world.handle(subscription).result()
    return subscription


async def abandoned(migrations: Migrations) -> str:
    """Nobody accepts the request."""
    subscription = migrations.organization()
    await migrations.requested(subscription)
    await migrations.pass_time(subscription, timedelta(days=31))
    await migrations.world.handle(subscription).result()
    return subscription


LIVES: dict[str, Callable[[Migrations], Awaitable[str]]] = {
    "migration": completed,
    "migration-withdrawn": withdrawn,
    "migration-abandoned": abandoned,
}


@pytest.mark.parametrize("life", LIVES)
async def test_a_life_gives_the_commands_of_its_fingerprint(migrations: Migrations, life: str) -> None:
    subscription = await LIVES[life](migrations)
    await assert_fingerprint(migrations.world, migration_workflow_id(subscription), life)
    await assert_fingerprint(migrations.world, cancellation_workflow_id(subscription), f"{life}-cancellation")


def test_every_life_is_recorded() -> None:
    recorded = {path.stem for path in HISTORIES.glob("*.json")}
    assert {name for life in LIVES for name in (life, f"{life}-cancellation")} <= recorded

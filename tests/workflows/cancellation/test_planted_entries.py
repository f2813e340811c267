"""A whole life under the eyes of somebody who has the password of the pages: no entry of it is kept out of the audit trail."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from storage.rights import DatabaseRole
from tests.support.world import World

TRAIL = """
    SELECT step, action, actor FROM audit_trail
    WHERE (subscription = :of OR cancellation LIKE :of || '/%') AND actor <> 'nobody' ORDER BY id
"""
PLANT = """
    INSERT INTO audit_trail (at, actor, action, subscription, step) VALUES (now(), 'nobody', 'withdraw.refused', :of, :step)
"""


def trail(world: World, subscription: str) -> list[tuple[str, str, str]]:
    with world.engine.connect() as connection:
        found = connection.execute(text(TRAIL), {"of": subscription}).all()
    return [(str(step).replace(subscription, "SUB"), action, actor) for step, action, actor in found]


async def life(world: World, subscription: str) -> None:
    await world.start(subscription)
    await world.pass_time(subscription, timedelta(minutes=1))
    await world.pass_time(subscription, timedelta(days=40))
    await world.handle(subscription).result()


@pytest.mark.parametrize("role", [DatabaseRole.PAGES, DatabaseRole.CALLERS])
async def test_what_is_planted_under_the_keys_of_a_life_keeps_no_entry_of_it_out(
    world: World, role: DatabaseRole
) -> None:
    one, other = world.subscription(), world.subscription()
    await life(world, one)
    true = trail(world, one)
    assert len(true) > 5
    with world.engines[role].begin() as connection:
        for step, _, _ in true:
            connection.execute(text(PLANT), {"of": other, "step": step.replace("SUB", other)})

    await life(world, other)

    assert trail(world, other) == true

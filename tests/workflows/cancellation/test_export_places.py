"""The places for long work: an organization that has taken its own keeps no other organization's work waiting."""

from contextlib import ExitStack
from datetime import timedelta

from domain.vocabulary import Stage
from storage.tenants.places import AT_ONCE
from tests.support.world import World, eventually
from tests.workflows.cancellation.test_export import ROWS, reached


async def test_work_beyond_an_organizations_places_waits_for_one_and_others_pass_it(data_world: World) -> None:
    world = data_world
    busy, other = world.subscription(data_rows=ROWS), world.subscription(data_rows=ROWS)
    with ExitStack() as taken:
        for _ in range(AT_ONCE):
            taken.enter_context(world.the_data.tenants.working_for(world.organization(busy)))
        await world.start(busy, answers=world.answers(busy, data="export"))

        async def waits() -> bool:
            await world.pass_time(busy, timedelta(seconds=1))
            view = await world.offramp.exports.status(busy)
            return view.held_up_by is not None and "places beside that are for other organizations" in view.held_up_by

        await eventually(waits, within=60)
        await world.start(other, answers=world.answers(other, data="export"))
        await reached(world, other, Stage.CANCELED)
        assert await world.stage(busy) is Stage.PREPARING

    await world.pass_time(busy, timedelta(seconds=30))
    await reached(world, busy, Stage.CANCELED)

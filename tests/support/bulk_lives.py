"""Whole lives of bulks, recorded once and replayed by every later version of the code; each returns the workflow's id."""

import contract
from domain.bulk import BulkState
from tests.support.bulks import confirmed, planned, short, until
from tests.support.world import World, eventually


async def carried_out(world: World) -> str:
    """A plan waits for its confirmation, and its row is started."""
    with world.environment.with_time_skipping_disabled():
        plan = await planned(world, [short(world.subscription())])
        workflow_id = contract.bulk_workflow_id(plan.bulk)
        handle = world.environment.client.get_workflow_handle(workflow_id)

        async def waits_for_a_person() -> bool:
            history = await handle.fetch_history()
            return any(event.HasField("timer_started_event_attributes") for event in history.events)

        await eventually(waits_for_a_person)
        await confirmed(world, plan)
        await until(world, plan.bulk, BulkState.FINISHED)
        await handle.result()
    return workflow_id


LIVES = {"bulk": carried_out}

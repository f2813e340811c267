"""Things of an installation in a world: a bulk, an endpoint, a reconciliation."""

from uuid import uuid4

from records.bulk.lists import BulkStatus
from tests.support.bulks import planned, short
from tests.support.world import World, eventually


async def bulk_of(world: World, *subscriptions: str) -> str:
    """The id of a bulk whose plan somebody else looks at."""
    status: BulkStatus = await planned(world, [short(subscription) for subscription in subscriptions])
    return status.bulk


async def endpoint_of(world: World, url: str = "https://crm.example/hooks") -> str:
    """The name of a webhook endpoint of the test's own, which hears of nothing that happens here."""
    name = f"crm-{uuid4().hex[:8]}"
    await world.offramp.webhooks.add(name, url=url, events=["export.*"], actor="operator-1")
    return name


async def reconciliation_of(world: World) -> str:
    """The name of a reconciliation that has ended."""
    name = await world.offramp.reconciliation.begin(dry_run=True)

    async def is_done() -> bool:
        return (await world.offramp.reconciliation.progress(name)).is_done

    await eventually(is_done)
    return name

"""The button Request Cancellation on the cancellation of a marketing service."""

import contract
from domain.marketing import MarketingStage
from tests.support.world import AGENT, World, eventually
from tests.workflows.marketing.test_service import CALLED, cancel, handle, stands_at


async def test_before_the_verification_it_abandons_the_case(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    await cancel(world, subscription)

    await handle(world, subscription).cancel()

    ended = contract.MarketingCancellationStatus.model_validate(await handle(world, subscription).result())
    assert ended.stage is MarketingStage.ABANDONED
    assert set(world.activities(subscription).values()) == {"running", "paused"}


async def test_after_the_service_is_cancelled_it_is_shown_and_ignored(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    organization = world.organization(subscription)
    await cancel(world, subscription, attestation=CALLED)
    await eventually(lambda: stands_at(world, subscription, MarketingStage.STOPPING))

    await handle(world, subscription).cancel()

    async def refused() -> bool:
        return (await world.marketing.status(organization)).last_refusal is not None

    await eventually(refused)
    assert (await world.marketing.status(organization)).stage is MarketingStage.STOPPING
    await world.marketing.acknowledge_stop(world.campaign(subscription, "A"), actor=AGENT)
    ended = contract.MarketingCancellationStatus.model_validate(await handle(world, subscription).result())
    assert ended.stage is MarketingStage.CANCELED

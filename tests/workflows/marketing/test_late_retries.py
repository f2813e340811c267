"""Late retries to the cancellation of a marketing service: the next case of the organization is not theirs."""

from datetime import timedelta

import contract
from domain.marketing import MarketingStage
from tests.support.world import AGENT, World, eventually, refused
from tests.workflows.marketing.test_service import cancel, handle, stands_at


async def test_a_request_repeated_in_the_next_case_is_answered_and_leaves_it_alone(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    organization, service = world.organization(subscription), world.marketing
    await cancel(world, subscription)
    await service.send_code(organization, actor=AGENT, request_id="C")
    await world.environment.fast_forward(handle(world, subscription), timedelta(days=15))
    await eventually(lambda: stands_at(world, subscription, MarketingStage.ABANDONED))
    await handle(world, subscription).result()
    second = await cancel(world, subscription)
    assert second.cancellation == f"{organization}/marketing/2"
    mailed = len(world.codes(f"{organization}/marketing"))

    again = await service.send_code(organization, actor=AGENT, request_id="C")
    straight = await handle(world, subscription).execute_update(
        contract.UPDATE_SEND_CODE,
        contract.SendCode(actor=AGENT),
        id="send_code:C",
        result_type=contract.MarketingCancellationStatus,
    )

    assert again == straight
    assert (again.cancellation, again.stage) == (f"{organization}/marketing/1", MarketingStage.ABANDONED)
    assert len(world.codes(f"{organization}/marketing")) == mailed
    named = service.send_code(organization, actor=AGENT, cancellation=f"{organization}/marketing/1")
    assert (await refused(named)).code == "request_of_another_case"

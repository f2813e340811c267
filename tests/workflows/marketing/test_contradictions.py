"""Steps of a marketing service's cancellation that contradict the records."""

from datetime import timedelta

import contract
from domain.marketing import Consent, MarketingStage
from domain.vocabulary import Stage
from tests.support.contradictions import forbidden
from tests.support.world import AGENT, World, eventually, refused
from tests.workflows.marketing.campaign_stops import agree, consent_awaited
from tests.workflows.marketing.test_service import cancel, handle, stands_at


async def test_a_service_whose_cancellation_contradicts_the_records_is_cancelled_when_they_are_mended(
    world: World,
) -> None:
    subscription = world.subscription(campaigns=["A"])
    organization, workflow = world.organization(subscription), handle(world, subscription)

    async def is_held_up() -> bool:
        return (await workflow.describe()).typed_search_attributes.get(contract.HELD_UP) == "records_conflict"

    case = (await cancel(world, subscription)).cancellation
    with forbidden(world.engine, "marketing_cancellations", f"id = '{case}' AND stage = 'stopping'"):
        with world.environment.with_time_skipping_disabled():
            await world.marketing.attest(organization, actor=AGENT, reason="called back")
        await eventually(is_held_up)
        assert "the constraint forbidden" in (await world.marketing.status(organization)).held_up_because
        late = world.marketing.attest(organization, actor=AGENT, reason="called back")
        assert (await refused(late)).code == "already_verified"

    await world.environment.fast_forward(workflow, timedelta(minutes=11))
    await eventually(lambda: stands_at(world, subscription, MarketingStage.STOPPING))
    await world.marketing.acknowledge_stop(world.campaign(subscription, "A"), actor="ad-centre")
    assert contract.MarketingCancellationStatus.model_validate(await workflow.result()).stage is MarketingStage.CANCELED


async def test_a_consent_that_contradicts_the_records_is_refused_and_locks_nobody_out(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    await consent_awaited(world, subscription)
    agreed = f"subscription = '{subscription}' AND action = 'marketing.consent_agreed'"
    with world.environment.with_time_skipping_disabled(), forbidden(world.engine, "audit_trail", agreed):
        assert (await refused(agree(world, subscription))).code == "records_conflict"
        declined = await agree(world, subscription, "declined")
    assert declined.marketing_consent is Consent.DECLINED
    assert (await world.service.withdraw(subscription, actor=AGENT, reason="stays")).stage is Stage.WITHDRAWN

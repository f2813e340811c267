"""Whole lives in which campaigns are stopped, as `tests.support.lives` has them."""

from datetime import timedelta

from contract import (
    Attestation,
    StartMarketingCancellation,
    cancellation_workflow_id,
    marketing_workflow_id,
)
from domain.marketing import CampaignAction, ConsentDecision, MarketingStage
from domain.vocabulary import Stage
from tests.support.world import ADMINISTRATOR, AGENT, MARKETING_OWNER, World, eventually

CALLED = "called back on the number on file"


async def stopped_by_consent(world: World) -> str:
    """Another person agrees after a reminder; the ad centre acknowledges after having been asked again."""
    subscription = await _consent_asked(world)
    await world.pass_time(subscription, timedelta(days=4))
    await world.service.consent(subscription, ConsentDecision.AGREED, actor=AGENT, because=CALLED)
    await eventually(lambda: _is(world, subscription, Stage.SCHEDULED))
    await world.pass_time(subscription, timedelta(days=2))
    await world.marketing.acknowledge_stop(world.campaign(subscription, "A"), actor="ad-centre")
    await world.pass_time(subscription, timedelta(days=75))
    await world.handle(subscription).result()
    return cancellation_workflow_id(subscription)


async def kept_for_want_of_consent(world: World) -> str:
    """Nobody answers, so the campaigns are kept and the case continues."""
    subscription = await _consent_asked(world)
    await world.pass_time(subscription, timedelta(days=80))
    await world.handle(subscription).result()
    return cancellation_workflow_id(subscription)


async def stopped_without_acknowledgement(world: World) -> str:
    """The campaigns are the customer's own, and the ad centre never says a word."""
    subscription = world.subscription(campaigns=["A"], marketing_owner=ADMINISTRATOR)
    day = world.today(subscription) + timedelta(days=2)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=day, campaigns="stop"))
    await world.pass_time(subscription, timedelta(days=37))
    await world.handle(subscription).result()
    await world.marketing.acknowledge_stop(world.campaign(subscription, "A"), actor="ad-centre")
    return cancellation_workflow_id(subscription)


async def marketing_service(world: World) -> str:
    """A marketing service is cancelled alone, and the ad centre acknowledges after having been asked again."""
    subscription = world.subscription(campaigns=["A"])
    organization, campaign = world.organization(subscription), world.campaign(subscription, "A")
    await _cancel(world, organization, campaign_actions={campaign: CampaignAction.DELETE})
    await world.marketing.attest(organization, actor=AGENT, reason=CALLED)
    await eventually(lambda: _stopping(world, organization))
    workflow = world.environment.client.get_workflow_handle(marketing_workflow_id(organization))
    await world.environment.fast_forward(workflow, timedelta(days=2))
    await world.marketing.acknowledge_stop(campaign, actor="ad-centre")
    await workflow.result()
    return workflow.id


async def marketing_service_abandoned(world: World) -> str:
    """Nobody verifies that the administrator is asking."""
    organization = world.organization(world.subscription(marketing=True))
    await _cancel(world, organization)
    workflow = world.environment.client.get_workflow_handle(marketing_workflow_id(organization))
    await world.environment.fast_forward(workflow, timedelta(days=15))
    await workflow.result()
    return workflow.id


async def _consent_asked(world: World) -> str:
    subscription = world.subscription(campaigns=["A"])
    day = world.today(subscription) + timedelta(days=40)
    answers = world.answers(subscription, terminate_on=day, campaigns="stop")
    await world.start(subscription, answers=answers, attestation=Attestation(reason=CALLED))
    await eventually(lambda: _is(world, subscription, Stage.PREPARING))
    return subscription


async def _cancel(world: World, organization: str, **fields: dict[str, CampaignAction]) -> None:
    start = StartMarketingCancellation(organization=organization, actor=AGENT, administrator=MARKETING_OWNER, **fields)
    with world.environment.with_time_skipping_disabled():
        await world.marketing.cancel(start)


async def _is(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage


async def _stopping(world: World, organization: str) -> bool:
    return (await world.marketing.status(organization)).stage is MarketingStage.STOPPING

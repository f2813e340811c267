"""The cancellation of a marketing service alone, by its own administrator, who need not be the organization's."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle

import contract
from domain.marketing import CampaignAction, MarketingStage
from domain.vocabulary import Stage
from tests.support.world import AGENT, MARKETING_OWNER, World, eventually, refused
from tests.workflows.marketing.campaign_stops import asked_to_stop, stage_is

CALLED = contract.Attestation(reason="called back on the number on file")


def wish(world: World, subscription: str, **fields: Any) -> contract.StartMarketingCancellation:
    given = {"administrator": MARKETING_OWNER, "actor": AGENT, "organization": world.organization(subscription)}
    return contract.StartMarketingCancellation(**given | fields)


async def cancel(world: World, subscription: str, **fields: Any) -> contract.MarketingCancellationStatus:
    with world.environment.with_time_skipping_disabled():
        return await world.marketing.cancel(wish(world, subscription, **fields))


def handle(world: World, subscription: str) -> WorkflowHandle[Any, Any]:
    return world.environment.client.get_workflow_handle(
        contract.marketing_workflow_id(world.organization(subscription))
    )


async def stands_at(world: World, subscription: str, stage: MarketingStage) -> bool:
    return (await world.marketing.status(world.organization(subscription))).stage is stage


def subjects(world: World, subscription: str) -> list[str]:
    """The mails about the marketing service, with their receivers."""
    prefix = f"<{world.organization(subscription)}/marketing/"
    return [
        f"{mail['To']}: {mail['Subject']}" for mail in world.mailbox.mails if str(mail["Message-ID"]).startswith(prefix)
    ]


async def test_verified_by_a_code_everything_is_stopped_and_it_ends_when_the_ad_centre_has_acknowledged(
    world: World,
) -> None:
    subscription = world.subscription(campaigns=["A", "B"])
    organization, deleted = world.organization(subscription), world.campaign(subscription, "B")
    opened = await cancel(world, subscription, campaign_actions={deleted: CampaignAction.DELETE})
    assert (opened.cancellation, opened.stage, opened.verified) == (
        f"{organization}/marketing/1",
        MarketingStage.INTAKE,
        False,
    )
    assert set(world.activities(subscription).values()) == {"running", "paused"}

    await world.marketing.send_code(organization, actor=AGENT)
    [code] = world.codes(f"{organization}/marketing")
    assert (await refused(world.marketing.verify_code(organization, "no code", actor=AGENT))).code == "code_wrong"
    await world.marketing.verify_code(organization, code, actor=AGENT)

    await eventually(lambda: stands_at(world, subscription, MarketingStage.STOPPING))
    status = await world.marketing.status(organization)
    assert status.ads_may_still_run
    assert status.waiting_for.startswith("the ad centre: acknowledgement for")
    states = world.activities(subscription)
    assert (states["A-1"], states["A-3"], states["B-1"], states["B-3"]) == (
        "stopping",
        "paused",
        "stopping",
        "stopping",
    )

    for name in ("A", "B"):
        await world.marketing.acknowledge_stop(world.campaign(subscription, name), actor="ad-centre")
    ended = contract.MarketingCancellationStatus.model_validate(await handle(world, subscription).result())

    assert (ended.stage, ended.ads_may_still_run) == (MarketingStage.CANCELED, False)
    assert world.activities(subscription)["B-3"] == "deleted"
    key = subscription.removeprefix("SUB-")
    assert [subject.split(f" of contoso-{key}")[0].split(f": contoso-{key}")[0] for subject in subjects(world, subscription)] == [
        f"{MARKETING_OWNER}: Cancellation of the marketing service received",
        f"{MARKETING_OWNER}: Your one-time code to confirm a cancellation for contoso-{key}",
        f"{MARKETING_OWNER}: The marketing service",
        f"{MARKETING_OWNER}: The campaigns",
    ]  # fmt: skip
    assert (await world.marketing.status(organization)).stage is MarketingStage.CANCELED


async def test_without_campaigns_an_attested_cancellation_is_over_at_once(world: World) -> None:
    subscription = world.subscription(marketing=True)

    await cancel(world, subscription, attestation=CALLED)

    ended = contract.MarketingCancellationStatus.model_validate(await handle(world, subscription).result())
    assert (ended.stage, ended.campaigns_stopped) == (MarketingStage.CANCELED, ())


async def test_a_second_start_at_once_returns_the_running_one(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])

    first, second = await asyncio.gather(
        cancel(world, subscription, request_id="one"), cancel(world, subscription, request_id="two")
    )

    assert first.cancellation == second.cancellation
    assert first.request_id == second.request_id


async def test_a_cancelled_service_stays_cancelled(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    await cancel(world, subscription, attestation=CALLED)
    await world.marketing.acknowledge_stop(world.campaign(subscription, "A"), actor="ad-centre")
    await handle(world, subscription).result()

    again = await refused(cancel(world, subscription))
    late = await refused(
        world.marketing.attest(world.organization(subscription), actor=AGENT, reason="called back again")
    )

    assert again.code == "marketing_service_canceled"
    assert late.code == "marketing_cancellation_ended"
    assert (await world.marketing.status(world.organization(subscription))).stage is MarketingStage.CANCELED
    opened = await world.start(subscription, complete=False)
    assert "campaigns" not in opened.open_questions, "there is nothing left to ask about"


async def test_who_has_no_service_or_is_not_its_administrator_is_refused_by_name(world: World) -> None:
    without, subscription = world.subscription(), world.subscription(campaigns=["A"])

    unknown = await refused(cancel(world, without))
    nowhere = await refused(cancel(world, without, organization="ORG-nowhere"))
    stranger = await refused(cancel(world, subscription, administrator="ada@contoso.example"))
    actions = await refused(cancel(world, subscription, campaign_actions={"CMP-nowhere": CampaignAction.PAUSE}))
    never = await refused(world.marketing.status(world.organization(subscription)))

    assert (unknown.code, nowhere.code) == ("marketing_service_unknown", "marketing_service_unknown")
    assert stranger.code == "marketing_identity_mismatch"
    assert MARKETING_OWNER not in str(stranger)
    assert (actions.code, never.code) == ("campaign_unknown", "marketing_cancellation_unknown")
    assert set(world.activities(subscription).values()) == {"running", "paused"}


async def test_unverified_it_is_abandoned_after_two_weeks_and_may_be_asked_for_again(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    await cancel(world, subscription)

    await world.environment.fast_forward(handle(world, subscription), timedelta(days=14, minutes=1))

    ended = contract.MarketingCancellationStatus.model_validate(await handle(world, subscription).result())
    assert ended.stage is MarketingStage.ABANDONED
    assert set(world.activities(subscription).values()) == {"running", "paused"}
    assert subjects(world, subscription)[-1].endswith(f"closed without effect: contoso-{subscription[4:]}")
    assert (await cancel(world, subscription)).cancellation == f"{world.organization(subscription)}/marketing/2"


async def test_a_subscription_s_cancellation_finds_nothing_left_to_stop_and_says_so(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    await world.start(subscription, complete=False)
    await cancel(world, subscription, attestation=CALLED)
    await eventually(lambda: stands_at(world, subscription, MarketingStage.STOPPING))

    answers = world.answers(subscription, campaigns="stop")
    await world.service.answer(subscription, answers, actor=AGENT)
    await world.service.attest(subscription, actor=AGENT, reason="called back on the number on file")

    await eventually(lambda: stage_is(world, subscription, Stage.CANCELED))
    status = await world.service.status(subscription)
    assert (status.campaigns_stopped, status.marketing_consent) == ((), None)
    done = await world.marketing.acknowledge_stop(world.campaign(subscription, "A"), actor="ad-centre")
    assert done.cancellation == f"{world.organization(subscription)}/marketing/1"


async def test_what_a_subscription_s_cancellation_is_stopping_is_left_to_it(world: World) -> None:
    subscription = world.subscription(campaigns=["A"], marketing_owner="ada@contoso.example")
    await asked_to_stop(world, subscription)
    await eventually(lambda: stage_is(world, subscription, Stage.SCHEDULED))

    await cancel(world, subscription, attestation=CALLED, administrator="ada@contoso.example")

    ended = contract.MarketingCancellationStatus.model_validate(await handle(world, subscription).result())
    assert (ended.stage, ended.campaigns_stopped) == (MarketingStage.CANCELED, ())
    done = await world.marketing.acknowledge_stop(world.campaign(subscription, "A"), actor="ad-centre")
    assert done.cancellation == f"{subscription}/1"

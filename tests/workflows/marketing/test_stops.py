"""Campaigns in the cancellation of a subscription: how they are stopped, what the ad centre does, what never comes back."""

from typing import Any

import contract
from domain.vocabulary import Stage
from tests.support.world import ADMINISTRATOR, AGENT, World, eventually, refused
from tests.workflows.marketing.campaign_stops import RUNNING, asked_to_stop, mailed, stage_is, the_mail, was_mailed


async def test_one_s_own_campaigns_are_stopped_without_asking_and_the_ad_centre_acknowledges_each(world: World) -> None:
    subscription = world.subscription(campaigns=["A", "B"], marketing_owner=f" {ADMINISTRATOR.upper()} ")
    first, second = world.campaign(subscription, "A"), world.campaign(subscription, "B")
    await asked_to_stop(world, subscription, campaign_actions={second: "delete"})
    await eventually(lambda: stage_is(world, subscription, Stage.SCHEDULED))

    status = await world.service.status(subscription)
    assert (status.campaigns_stopped, status.campaigns_outstanding) == ((first, second), (first, second))
    assert status.ads_may_still_run
    assert status.marketing_consent is None
    stopping = {"A-1": "stopping", "A-2": "stopping", "A-3": "paused"}
    assert world.activities(subscription) == {**stopping, "B-1": "stopping", "B-2": "stopping", "B-3": "stopping"}
    _, promise = await the_mail(world, subscription, "cancellation.scheduled")
    assert "ads may still run and be billed" in promise

    one = await world.marketing.acknowledge_stop(first, actor="ad-centre")
    assert (one.campaigns_outstanding, one.ads_may_still_run) == ((second,), True)
    assert mailed(world, subscription, "marketing.stopped") == []
    last = await world.marketing.acknowledge_stop(second, actor="ad-centre")
    assert not last.ads_may_still_run
    paused = {"A-1": "paused", "A-2": "paused", "A-3": "paused"}
    assert world.activities(subscription) == {**paused, "B-1": "deleted", "B-2": "deleted", "B-3": "deleted"}
    await eventually(lambda: was_mailed(world, subscription, "marketing.stopped"))
    assert not (await world.service.status(subscription)).ads_may_still_run
    actions = world.actions(subscription)
    assert actions.count("campaign.stop_requested") == actions.count("campaign.stopped") == 2
    assert actions.index("campaign.stop_requested") < actions.index("line.end_date_set")


async def test_an_acknowledgement_twice_tells_once_and_the_second_is_no_error(world: World) -> None:
    subscription = world.subscription(campaigns=["A"], marketing_owner=ADMINISTRATOR)
    campaign = world.campaign(subscription, "A")
    await asked_to_stop(world, subscription)
    await eventually(lambda: stage_is(world, subscription, Stage.SCHEDULED))

    for _ in range(2):
        assert not (await world.marketing.acknowledge_stop(campaign, actor="ad-centre")).ads_may_still_run
    await world.handle(subscription).signal(contract.ACKNOWLEDGE_STOP, {"actor": "ad-centre", "campaign": campaign})

    await eventually(lambda: was_mailed(world, subscription, "marketing.stopped"))
    assert world.actions(subscription).count("campaign.stopped") == 1


async def test_a_withdrawal_after_the_stop_reinstates_nothing_and_offers_to_sign_up_anew(world: World) -> None:
    subscription = world.subscription(campaigns=["A"], marketing_owner=ADMINISTRATOR)
    await asked_to_stop(world, subscription)
    await eventually(lambda: stage_is(world, subscription, Stage.SCHEDULED))

    ended = await world.service.withdraw(subscription, actor=AGENT, reason="stays")

    assert ended.ads_may_still_run
    assert world.activities(subscription)["A-1"] == "stopping"
    _, letter = await the_mail(world, subscription, "cancellation.withdrawn")
    assert "The marketing service is not reinstated" in letter
    assert "sign up anew" in letter


async def test_a_reversal_reinstates_nothing_and_offers_to_sign_up_anew(world: World) -> None:
    subscription = world.subscription(campaigns=["A"], marketing_owner=ADMINISTRATOR)
    await world.start(subscription, answers=world.answers(subscription, campaigns="stop"))
    await eventually(lambda: stage_is(world, subscription, Stage.CANCELED))
    _, effect = await the_mail(world, subscription, "cancellation.effective")
    assert "to use it again you sign up anew" in effect

    await world.service.reverse(subscription, world.identity(subscription), actor=AGENT)

    _, letter = await the_mail(world, subscription, "cancellation.reversed")
    assert "The marketing service is not reinstated" in letter
    assert world.activities(subscription)["A-1"] == "stopping"


async def test_an_acknowledgement_after_the_case_has_ended_is_kept_and_told(world: World) -> None:
    subscription = world.subscription(campaigns=["A"], marketing_owner=ADMINISTRATOR)
    await asked_to_stop(world, subscription)
    await eventually(lambda: stage_is(world, subscription, Stage.SCHEDULED))
    await world.service.withdraw(subscription, actor=AGENT, reason="stays")
    await world.handle(subscription).result()

    for _ in range(2):
        done = await world.marketing.acknowledge_stop(world.campaign(subscription, "A"), actor="ad-centre")
        assert not done.ads_may_still_run

    assert world.activities(subscription)["A-1"] == "paused"
    await eventually(lambda: was_mailed(world, subscription, "marketing.stopped"))


async def test_an_acknowledgement_reaches_the_case_that_asked_though_the_next_one_runs(world: World) -> None:
    subscription = world.subscription(campaigns=["A"], marketing_owner=ADMINISTRATOR)
    campaign = world.campaign(subscription, "A")
    await asked_to_stop(world, subscription)
    await eventually(lambda: stage_is(world, subscription, Stage.SCHEDULED))
    await world.service.withdraw(subscription, actor=AGENT, reason="stays")
    await world.start(subscription, complete=False)

    misled = await refused(
        world.update(subscription, contract.ACKNOWLEDGE_STOP, {"actor": "ad-centre", "campaign": campaign})
    )
    done = await world.marketing.acknowledge_stop(campaign, actor="ad-centre")

    assert (misled.code, misled.values["asked_by"]) == ("stop_of_another_case", f"{subscription}/1")
    assert (done.cancellation, done.ads_may_still_run) == (f"{subscription}/1", False)


async def test_acknowledgements_that_answer_nothing_are_refused_by_name(world: World) -> None:
    subscription, other = world.subscription(campaigns=["A"]), world.subscription(campaigns=["A"])
    await world.start(subscription, complete=False)
    ours, theirs = world.campaign(subscription, "A"), world.campaign(other, "A")

    def sent(campaign: str) -> Any:
        return world.update(subscription, contract.ACKNOWLEDGE_STOP, {"actor": "ad-centre", "campaign": campaign})

    assert (await refused(sent(ours))).code == "stop_not_requested"
    assert (await refused(sent(theirs))).code == "campaign_unknown"
    assert (await refused(sent("CMP-NOWHERE"))).code == "campaign_unknown"
    assert (await refused(world.marketing.acknowledge_stop(theirs, actor="x"))).code == "stop_not_requested"
    assert (await refused(world.marketing.acknowledge_stop("CMP-NOWHERE", actor="x"))).code == "campaign_unknown"


async def test_actions_are_refused_for_unknown_and_deleted_campaigns_and_without_a_stop(world: World) -> None:
    subscription = world.subscription(campaigns=["A", "B"], marketing_owner=ADMINISTRATOR)
    other = world.subscription(campaigns=["A"])
    known, gone = world.campaign(subscription, "A"), world.campaign(subscription, "B")
    with world.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE marketing_activities SET state = 'deleted' WHERE campaign = %s", (gone,))
    opened = await world.start(subscription, complete=False)

    async def answered(campaigns: str, campaign: str) -> str:
        answer = world.service.answer(
            subscription,
            {"campaigns": campaigns},
            actor=AGENT,
            campaign_actions={campaign: "delete"},  # type: ignore[dict-item]
        )
        return (await refused(answer)).code

    assert await answered("keep", known) == "campaign_action_without_stop"
    assert await answered("stop", world.campaign(other, "A")) == "campaign_unknown"
    assert await answered("stop", gone) == "campaign_deleted"
    assert (await world.service.status(subscription)).open_questions == opened.open_questions


async def test_where_nothing_runs_any_more_nobody_is_asked_and_the_case_says_so(world: World) -> None:
    subscription = world.subscription(marketing=True)
    await asked_to_stop(world, subscription)

    await eventually(lambda: stage_is(world, subscription, Stage.SCHEDULED))

    status = await world.service.status(subscription)
    assert (status.campaigns_stopped, status.ads_may_still_run) == ((), False)
    assert mailed(world, subscription, "marketing.consent_requested") == []
    _, promise = await the_mail(world, subscription, "cancellation.scheduled")
    assert "nothing was running any more" in promise


async def test_kept_campaigns_are_left_alone(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    await world.start(subscription, answers=world.answers(subscription, campaigns="keep"))
    await eventually(lambda: stage_is(world, subscription, Stage.CANCELED))

    assert world.activities(subscription) == RUNNING
    assert not [action for action in world.actions(subscription) if action.startswith(("marketing", "campaign"))]

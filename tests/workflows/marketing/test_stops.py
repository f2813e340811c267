"""Campaigns in the cancellation of a subscription: whose consent it takes, what the ad centre does, what never comes back."""

from datetime import timedelta
from typing import Any

import pytest

import contract
from activities.messaging.links import LinkPurpose
from domain.marketing import Consent, ConsentDecision
from domain.vocabulary import Stage
from tests.support.world import ADMINISTRATOR, AGENT, MARKETING_OWNER, World, eventually, refused

RUNNING = {"A-1": "running", "A-2": "running", "A-3": "paused"}
CALLED = "called back on the number on file"
A_WHILE = timedelta(days=40)


async def asked_to_stop(world: World, subscription: str, **fields: Any) -> contract.CancellationStatus:
    """Start a cancellation that stops the campaigns, effective after a while."""
    day = world.today(subscription) + A_WHILE
    answers = world.answers(subscription, terminate_on=day, campaigns="stop")
    return await world.start(subscription, answers=answers, **fields)


async def consent_awaited(world: World, subscription: str, **fields: Any) -> contract.CancellationStatus:
    await asked_to_stop(world, subscription, **fields)
    await eventually(lambda: consent_is(world, subscription, Consent.ASKED))
    return await world.service.status(subscription)


async def consent_is(world: World, subscription: str, consent: Consent | None) -> bool:
    return (await world.service.status(subscription)).marketing_consent is consent


async def stage_is(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage


async def agree(world: World, subscription: str, decision: str = "agreed") -> contract.CancellationStatus:
    return await world.service.consent(subscription, ConsentDecision(decision), actor=AGENT, because=CALLED)


def mailed(world: World, subscription: str, occasion: str) -> list[tuple[str, str]]:
    """To whom what was mailed on an occasion, with its text."""
    return [
        (str(mail["To"]), " ".join(world.mailbox.text_of(mail).split()))
        for mail in world.mailbox.of(subscription)
        if f"/{occasion}" in str(mail["Message-ID"]).replace("%2E", ".")
    ]


async def the_mail(world: World, subscription: str, occasion: str) -> tuple[str, str]:
    """The only mail on an occasion, as soon as it is there."""
    await eventually(lambda: was_mailed(world, subscription, occasion))
    [mail] = mailed(world, subscription, occasion)
    return mail


async def was_mailed(world: World, subscription: str, occasion: str, times: int = 1) -> bool:
    return len(mailed(world, subscription, occasion)) == times


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


async def test_another_person_s_consent_is_asked_for_by_a_link_and_stops_the_campaigns(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    status = await consent_awaited(world, subscription)
    assert status.stage is Stage.PREPARING
    assert status.waiting_for == "the marketing service's billing administrator: consent to stop the campaigns"
    assert world.activities(subscription) == RUNNING
    await eventually(lambda: was_mailed(world, subscription, "marketing.consent_requested"))
    to, text = await the_mail(world, subscription, "marketing.consent_requested")
    assert to == MARKETING_OWNER
    assert "Sale A" in text

    token = text.partition("/links/")[2].split()[0]
    agreed = await world.service.consent(subscription, ConsentDecision.AGREED, actor="their link", link=token)

    assert agreed.marketing_consent is Consent.AGREED
    await eventually(lambda: stage_is(world, subscription, Stage.SCHEDULED))
    assert world.activities(subscription) == {"A-1": "stopping", "A-2": "stopping", "A-3": "paused"}
    assert (world.audit(subscription, "marketing.consent_agreed").after or {})["given_by"] == "link"

    await world.marketing.acknowledge_stop(world.campaign(subscription, "A"), actor="ad-centre")
    await eventually(lambda: was_mailed(world, subscription, "marketing.stopped", 2))
    assert {to for to, _ in mailed(world, subscription, "marketing.stopped")} == {ADMINISTRATOR, MARKETING_OWNER}


async def test_declined_the_campaigns_are_kept_the_case_goes_on_and_the_customer_is_told_why(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    await consent_awaited(world, subscription)

    await agree(world, subscription, "declined")

    await eventually(lambda: stage_is(world, subscription, Stage.SCHEDULED))
    assert world.activities(subscription) == RUNNING
    status = await world.service.status(subscription)
    assert (status.marketing_consent, status.campaigns_stopped) == (Consent.DECLINED, None)
    to, text = await the_mail(world, subscription, "marketing.kept")
    assert to == ADMINISTRATOR
    assert "They have declined." in text
    _, promise = await the_mail(world, subscription, "cancellation.scheduled")
    assert "did not agree to stop them" in promise
    row = world.audit(subscription, "marketing.consent_declined")
    assert (row.actor, row.why) == (AGENT, CALLED)


async def test_without_an_answer_they_are_reminded_three_times_and_then_the_campaigns_are_kept(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    await consent_awaited(world, subscription)

    await world.pass_time(subscription, timedelta(days=14, minutes=1))

    await eventually(lambda: stage_is(world, subscription, Stage.SCHEDULED))
    assert await consent_is(world, subscription, Consent.TIMED_OUT)
    assert world.activities(subscription) == RUNNING
    asked = mailed(world, subscription, "marketing.consent_requested")
    assert [to for to, _ in asked] == [MARKETING_OWNER] * 4
    _, text = await the_mail(world, subscription, "marketing.kept")
    assert "They have not answered in time." in text
    late = await refused(agree(world, subscription))
    assert late.code == "consent_not_awaited"


async def test_a_withdrawal_while_the_consent_is_awaited_leaves_everything_running(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    await consent_awaited(world, subscription)

    ended = await world.service.withdraw(subscription, actor=AGENT, reason="stays")

    assert ended.stage is Stage.WITHDRAWN
    assert world.activities(subscription) == RUNNING
    _, letter = await the_mail(world, subscription, "cancellation.withdrawn")
    assert "marketing service" not in letter


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


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "consent_unfounded"),
        ({"link": "not one of ours"}, "link_tampered"),
        ({"link": "another case's"}, "link_tampered"),
        ({"link": "expired"}, "link_expired"),
    ],
)
async def test_a_consent_that_proves_nothing_is_refused_and_the_case_waits_on(
    world: World, given: dict[str, str], code: str
) -> None:
    subscription = world.subscription(campaigns=["A"])
    await consent_awaited(world, subscription)
    now = await world.now(subscription)
    tokens = {
        "another case's": world.links.link(LinkPurpose.MARKETING_CONSENT, "SUB-OTHER/1", now + A_WHILE),
        "expired": world.links.link(LinkPurpose.MARKETING_CONSENT, f"{subscription}/1", now - timedelta(seconds=1)),
    }
    link = tokens.get(given.get("link", ""), given.get("link"))

    refusal = await refused(
        world.service.consent(
            subscription, ConsentDecision.AGREED, actor="page", link=link.rpartition("/")[2] if link else None
        )
    )

    assert refusal.code == code
    assert await consent_is(world, subscription, Consent.ASKED)


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

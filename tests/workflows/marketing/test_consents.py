"""The consent of another person to stopping campaigns: asked for, given, declined, not answered."""

from datetime import timedelta

import pytest

import contract
from activities.messaging.links import LinkPurpose
from domain.marketing import Consent, ConsentDecision
from domain.vocabulary import Stage
from tests.support.world import ADMINISTRATOR, AGENT, MARKETING_OWNER, World, eventually, refused
from tests.workflows.marketing.campaign_stops import (
    A_WHILE,
    CALLED,
    RUNNING,
    agree,
    consent_awaited,
    consent_is,
    mailed,
    stage_is,
    the_mail,
    was_mailed,
)


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
    await eventually(lambda: was_mailed(world, subscription, "marketing.consent_requested", 4))
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


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "consent_unfounded"),
        ({"link": "not one of ours"}, "link_tampered"),
        ({"link": "another case's"}, "link_tampered"),
        ({"link": "another one of this case"}, "link_tampered"),
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
        "another one of this case": world.links.link(
            LinkPurpose.MARKETING_CONSENT, f"{subscription}/1", now - timedelta(seconds=1)
        ),
    }
    link = tokens.get(given.get("link", ""), given.get("link"))

    refusal = await refused(
        world.service.consent(
            subscription, ConsentDecision.AGREED, actor="page", link=link.rpartition("/")[2] if link else None
        )
    )

    assert refusal.code == code
    assert await consent_is(world, subscription, Consent.ASKED)


async def test_a_caller_that_sends_the_link_as_it_was_mailed_is_told_that_it_has_expired(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    await consent_awaited(world, subscription)
    expired = await world.now(subscription) - timedelta(seconds=1)
    link = world.links.link(LinkPurpose.MARKETING_CONSENT, f"{subscription}/1", expired).rpartition("/")[2]
    message = contract.GiveConsent(actor="page", decision=ConsentDecision.AGREED, link=link)

    refusal = await refused(world.update(subscription, contract.UPDATE_CONSENT, message))

    assert refusal.code == "link_expired"
    assert await consent_is(world, subscription, Consent.ASKED)

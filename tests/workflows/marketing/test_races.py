"""Campaigns while two things happen at once, parts are down, and the ad centre says nothing for months."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook
from temporalio.client import WorkflowHandle

import contract
from activities.messaging.webhook_settings import WebhookSettings
from domain.marketing import Consent, ConsentDecision, MarketingStage
from domain.refusals import Refusal
from domain.vocabulary import Stage
from tests.activities.messaging.endpoint import Endpoint
from tests.support.world import ADMINISTRATOR, AGENT, World, eventually
from tests.workflows.cancellation.test_web_ui import details, summaries
from tests.workflows.marketing.campaign_stops import (
    RUNNING,
    agree,
    asked_to_stop,
    consent_awaited,
    consent_is,
    mailed,
    stage_is,
    the_mail,
)
from tests.workflows.marketing.test_service import CALLED, cancel, handle, stands_at

SOON = timedelta(seconds=3)
SECRET = "whsec_YW4gZXhhbXBsZSBzZWNyZXQsIG5vdCBmb3IgdXNlISE="


@asynccontextmanager
async def with_webhooks(world: World) -> AsyncIterator[Endpoint]:
    """Run a worker whose webhooks a system receives."""
    endpoint = Endpoint()
    with endpoint.listening() as url:
        settings = WebhookSettings(webhook_url=url, webhook_secret=SecretStr(SECRET))
        async with world.worker(webhooks=settings):
            yield endpoint


def stop_requests(endpoint: Endpoint) -> list[dict[str, Any]]:
    """The requests to the ad centre, verified, in order."""
    bodies = [Webhook(SECRET).verify(request.body, dict(request.headers)) for request in endpoint.requests]
    return [body["data"] for body in bodies if body["type"] == "marketing.stop_requested"]


async def is_past(world: World, workflow: WorkflowHandle[Any, Any], instant: datetime) -> bool:
    return await world.environment.get_current_time(workflow) > instant


async def test_a_consent_and_its_time_limit_in_one_task_have_one_winner(idle_world: World) -> None:
    world, subscription = idle_world, idle_world.subscription(campaigns=["A"])
    async with world.worker():
        limit = (await consent_awaited(world, subscription)).stage_deadline
        assert limit is not None
        await world.pass_until(subscription, limit - SOON)
    await eventually(lambda: is_past(world, world.handle(subscription), limit))

    consent = asyncio.create_task(agree(world, subscription, request_id="1"))
    await world.arrived(world.handle(subscription), "consent:1")
    async with world.worker():
        [outcome] = await asyncio.gather(consent, return_exceptions=True)
        await eventually(lambda: stage_is(world, subscription, Stage.SCHEDULED))

    # Which of the two the task saw first is not ours to say; that both saw the same winner is.
    agreed = isinstance(outcome, contract.CancellationStatus) and outcome.marketing_consent is Consent.AGREED
    timed_out = isinstance(outcome, Refusal) and outcome.details.code == "consent_not_awaited"
    concluded = [action for action in world.actions(subscription) if action.startswith("marketing.consent_")]
    assert (agreed, timed_out) in ((True, False), (False, True))
    assert concluded == ["marketing.consent_requested", f"marketing.consent_{'agreed' if agreed else 'timed_out'}"]
    assert world.activities(subscription)["A-1"] == ("stopping" if agreed else "running")


async def test_two_answers_at_once_have_one_winner(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    await consent_awaited(world, subscription)

    outcomes = await asyncio.gather(
        agree(world, subscription), agree(world, subscription, "declined"), return_exceptions=True
    )

    assert sum(isinstance(outcome, contract.CancellationStatus) for outcome in outcomes) == 1
    assert [code for _, code in world.refusals(subscription)] == ["consent_not_awaited"]
    await eventually(lambda: stage_is(world, subscription, Stage.SCHEDULED))


@pytest.mark.parametrize(("first", "refusals"), [("consent", []), ("withdraw", ["consent_not_awaited"])])
async def test_a_consent_and_a_withdrawal_in_one_task_end_the_case_and_stop_nothing(
    idle_world: World, first: str, refusals: list[str]
) -> None:
    world, subscription = idle_world, idle_world.subscription(campaigns=["A"])
    async with world.worker():
        await consent_awaited(world, subscription)

    requests = {
        "consent": agree(world, subscription, request_id="1"),
        "withdraw": world.service.withdraw(subscription, actor=AGENT, reason="stays", request_id="1"),
    }
    sent = {}
    for name in sorted(requests, key=lambda name: name != first):
        sent[name] = asyncio.create_task(requests[name])
        await world.arrived(world.handle(subscription), f"{name}:1")
    async with world.worker():
        [outcome] = await asyncio.gather(sent["consent"], return_exceptions=True)
        withdrawn = await sent["withdraw"]
        ended = contract.CancellationStatus.model_validate(await world.handle(subscription).result())

    assert withdrawn.stage is ended.stage is Stage.WITHDRAWN
    assert isinstance(outcome, Refusal) is (first == "withdraw")
    assert [code for _, code in world.refusals(subscription)] == refusals
    assert world.activities(subscription) == RUNNING


async def test_the_ad_centre_is_asked_by_signed_webhooks_and_again_at_growing_intervals(idle_world: World) -> None:
    world = idle_world
    subscription = world.subscription(campaigns=["A"], marketing_owner=ADMINISTRATOR)
    campaign = world.campaign(subscription, "A")
    async with with_webhooks(world) as endpoint:
        await asked_to_stop(world, subscription)
        await world.pass_time(subscription, timedelta(days=8))

        asked = stop_requests(endpoint)
        assert [request["marketing"]["reminder"] for request in asked] == [0, 1, 2, 3], "after 1, 3 and 7 days"
        stopping = {"id": campaign, "action": "pause", "activities": [f"{campaign}-1", f"{campaign}-2"]}
        assert asked[0]["marketing"]["campaigns"] == [{**stopping, "acknowledged": False}]
        assert len({request.headers["webhook-id"] for request in endpoint.requests}) == len(endpoint.requests)

        await world.marketing.acknowledge_stop(campaign, actor="ad-centre")
        await world.pass_time(subscription, timedelta(days=90))
        await world.handle(subscription).result()

    assert len(stop_requests(endpoint)) == 4
    told = [json.loads(request.body)["type"] for request in endpoint.requests]
    assert told.count("marketing.stopped") == 1
    assert told.index("marketing.stopped") < told.index("cancellation.closed")
    assert "Sale A" not in "".join(request.body.decode() for request in endpoint.requests)


async def test_an_ad_centre_that_says_nothing_holds_nothing_up_and_every_letter_says_so(idle_world: World) -> None:
    world = idle_world
    subscription = world.subscription(campaigns=["A"], marketing_owner=ADMINISTRATOR)
    async with with_webhooks(world) as endpoint:
        await asked_to_stop(world, subscription)
        await world.pass_time(subscription, timedelta(days=75))
        ended = contract.CancellationStatus.model_validate(await world.handle(subscription).result())
        reminders = len(stop_requests(endpoint))

        assert (ended.stage, ended.ads_may_still_run) == (Stage.CLOSED, True)
        for occasion in ("cancellation.scheduled", "cancellation.effective", "cancellation.closed"):
            _, text = await the_mail(world, subscription, occasion)
            assert "ads may still run and be billed" in text, occasion
        assert (await world.service.status(subscription)).ads_may_still_run
        # The record answers, and what it leads to is told although the case's own workflow is over.
        await world.marketing.acknowledge_stop(world.campaign(subscription, "A"), actor="ad-centre")
        await the_mail(world, subscription, "marketing.stopped")

    assert reminders == 7, "at once, and after 1, 3, 7, 15, 31 and 61 days"
    assert [json.loads(request.body)["type"] for request in endpoint.requests][-1] == "marketing.stopped"


async def test_a_mail_server_that_is_down_holds_up_neither_consent_nor_stop(idle_world: World) -> None:
    world, subscription = idle_world, idle_world.subscription(campaigns=["A"])
    world.mailbox.close()
    async with world.worker():
        await consent_awaited(world, subscription)
        await agree(world, subscription)
        await eventually(lambda: stage_is(world, subscription, Stage.SCHEDULED))
        await world.marketing.acknowledge_stop(world.campaign(subscription, "A"), actor="ad-centre")
        assert world.activities(subscription)["A-1"] == "paused"
        assert mailed(world, subscription, "marketing") == []

        world.mailbox.open()
        await world.pass_time(subscription, timedelta(minutes=20))
        for occasion in ("marketing.consent_requested", "cancellation.scheduled"):
            await the_mail(world, subscription, occasion)


async def test_a_verification_and_the_time_limit_of_a_marketing_service_in_one_task_have_one_winner(
    idle_world: World,
) -> None:
    world, subscription = idle_world, idle_world.subscription(marketing=True)
    workflow = handle(world, subscription)
    async with world.worker():
        limit = (await cancel(world, subscription)).stage_deadline
        limit = limit or (await world.marketing.status(world.organization(subscription))).stage_deadline
        assert limit is not None
        now = await world.environment.get_current_time(workflow)
        await world.environment.fast_forward(workflow, limit - SOON - now)
    await eventually(lambda: is_past(world, workflow, limit))

    word = world.marketing.attest(world.organization(subscription), actor=AGENT, reason="called back", request_id="1")
    verified = asyncio.create_task(word)
    await world.arrived(workflow, "attest:1")
    async with world.worker():
        await verified
        ended = contract.MarketingCancellationStatus.model_validate(await workflow.result())

    assert ended.stage is MarketingStage.CANCELED


async def test_two_acknowledgements_by_signal_at_once_are_one(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    await cancel(world, subscription, attestation=CALLED)
    await eventually(lambda: stands_at(world, subscription, MarketingStage.STOPPING))
    message = contract.AcknowledgeStop(actor="ad-centre", campaign=world.campaign(subscription, "A"))

    await asyncio.gather(*(handle(world, subscription).signal(contract.ACKNOWLEDGE_STOP, message) for _ in range(2)))

    ended = contract.MarketingCancellationStatus.model_validate(await handle(world, subscription).result())
    assert ended.stage is MarketingStage.CANCELED
    assert world.activities(subscription)["A-1"] == "paused"


async def test_the_web_ui_says_whose_consent_is_awaited_until_when_and_that_ads_may_still_run(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    await consent_awaited(world, subscription)

    waiting = await details(world, subscription)
    assert "| Waits for | the marketing service's billing administrator: consent to stop the campaigns |" in waiting
    assert "| Campaigns kept if unanswered |" in waiting

    await world.service.consent(subscription, ConsentDecision.AGREED, actor=AGENT, because="called back")
    await eventually(lambda: stage_is(world, subscription, Stage.SCHEDULED))
    stopping = await details(world, subscription)
    assert (
        f"| Campaigns | **ads may still run and bill**: {world.campaign(subscription, 'A')} not acknowledged"
        in stopping
    )
    assert {"may the campaigns be stopped?", "stop the campaigns", "ask the ad centre again"} <= set(
        await summaries(world, subscription)
    )
    await world.marketing.acknowledge_stop(world.campaign(subscription, "A"), actor="ad-centre")
    assert f"| Campaigns | stopped: {world.campaign(subscription, 'A')} |" in await details(world, subscription)


async def test_the_web_ui_says_why_campaigns_are_kept(world: World) -> None:
    subscription = world.subscription(campaigns=["A"])
    await consent_awaited(world, subscription)
    await agree(world, subscription, "declined")
    await eventually(lambda: consent_is(world, subscription, Consent.DECLINED))

    assert "| Campaigns | kept: the consent was declined |" in await details(world, subscription)

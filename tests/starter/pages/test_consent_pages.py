"""The pages behind the link that was mailed to the marketing service's own administrator."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from activities.messaging.links import LinkPurpose
from domain.marketing import Consent, ConsentDecision
from domain.vocabulary import Stage
from starter.pages.app import create_pages
from tests.support.world import AGENT, LINKS, World, eventually, refused
from tests.workflows.conftest import shared_world, world
from tests.workflows.marketing.campaign_stops import RUNNING, consent_awaited, stage_is, the_mail

__all__ = ["shared_world", "world"]


@pytest.fixture
async def page(world: World) -> AsyncIterator[httpx.AsyncClient]:
    app = create_pages(world.behind_pages, LINKS)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://offramp.example") as client:
        yield client


async def mailed_link(world: World, subscription: str) -> str:
    await consent_awaited(world, subscription)
    _, text = await the_mail(world, subscription, "marketing.consent_requested")
    found = re.search(r"https://offramp\.example/links/\S+", text)
    assert found
    return found[0]


async def test_looking_changes_nothing_and_the_button_stops_the_campaigns(
    world: World, page: httpx.AsyncClient
) -> None:
    subscription = world.subscription(campaigns=["A"])
    link = await mailed_link(world, subscription)

    shown = await page.get(link)
    assert shown.status_code == 200
    assert "Sale A" in shown.text
    assert re.search(
        r"answer before</th><td>\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d \S+ \(UTC[+-]\d\d:\d\d\)</td>", shown.text
    )
    assert world.activities(subscription) == RUNNING
    for _ in range(2):
        answered = await page.post(f"{link}/agree")
        assert answered.status_code == 200
        assert "You have agreed" in answered.text
        assert "<button" not in answered.text

    await eventually(lambda: stage_is(world, subscription, Stage.SCHEDULED))
    assert world.activities(subscription)["A-1"] == "stopping"
    assert world.audit(subscription, "marketing.consent_agreed").actor == "marketing administrator, by link"


async def test_who_declines_keeps_them_and_cannot_agree_afterwards(world: World, page: httpx.AsyncClient) -> None:
    subscription = world.subscription(campaigns=["A"])
    link = await mailed_link(world, subscription)

    assert "You have declined" in (await page.post(f"{link}/decline")).text
    second = await page.post(f"{link}/agree")

    assert second.status_code == 409
    assert "consent_not_awaited" in second.text
    assert (await world.service.status(subscription)).marketing_consent is Consent.DECLINED
    assert world.activities(subscription) == RUNNING


async def test_after_a_withdrawal_nothing_is_left_to_answer(world: World, page: httpx.AsyncClient) -> None:
    subscription = world.subscription(campaigns=["A"])
    link = await mailed_link(world, subscription)
    await world.service.withdraw(subscription, actor=AGENT, reason="stays")

    shown = await page.get(link)

    assert "The cancellation was withdrawn" in shown.text
    assert "<button" not in shown.text
    assert (await page.post(f"{link}/agree")).status_code == 409


async def test_a_link_for_another_purpose_or_after_its_time_agrees_to_nothing(
    world: World, page: httpx.AsyncClient
) -> None:
    subscription = world.subscription(campaigns=["A"])
    await consent_awaited(world, subscription)
    case, now = f"{subscription}/1", datetime.now(UTC)
    other = LINKS.link(LinkPurpose.EXPORT, case, now + timedelta(days=1))
    late = LINKS.link(LinkPurpose.MARKETING_CONSENT, case, now - timedelta(seconds=1))

    assert (await page.post(f"{other}/agree")).status_code == 404
    assert (await page.post(f"{late}/agree")).status_code == 410
    assert world.activities(subscription) == RUNNING


async def test_a_link_ends_at_once_when_the_service_has_another_administrator(
    world: World, page: httpx.AsyncClient
) -> None:
    subscription = world.subscription(campaigns=["A"])
    link = await mailed_link(world, subscription)
    with world.engine.begin() as connection:
        new = text(
            "UPDATE marketing_services SET billing_administrator = 'new@contoso.example' WHERE organization = :id"
        )
        connection.execute(new, {"id": world.organization(subscription)})

    assert (await page.get(link)).status_code == 410
    assert (await page.post(f"{link}/agree")).status_code == 410
    by_hand = await refused(
        world.service.consent(subscription, ConsentDecision.AGREED, actor=AGENT, link=link.rpartition("/")[2])
    )

    assert by_hand.code == "link_tampered", "the workflow holds the link against the address as well"
    assert world.activities(subscription) == RUNNING

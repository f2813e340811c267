"""The limits across cases where requests arrive: refused with a code, audited, counted in the metrics, and released."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text
from temporalio.client import Client

from domain.limits import Limited, LimitReached, LimitScope
from domain.vocabulary import Stage
from records.limit_settings import Limit
from runtime.metrics import MetricsSettings
from runtime.temporal import offramp_plugin
from tests.support.ports import free_port
from tests.support.world import AGENT, World, refused
from tests.workflows.cancellation.test_export import exported

ORGANIZATION = LimitScope.ORGANIZATION


@asynccontextmanager
async def limited(world: World, *limits: Limited, number: int) -> AsyncIterator[None]:
    """Limit what one organization may ask for; others of this world do not notice."""

    async def to(number: int | None, limits: Sequence[Limited]) -> None:
        for each in limits:
            limit = Limit(limited=each, scope=ORGANIZATION, number=number)
            await world.offramp.limits.set(limit, actor="admin-1", reason="a flood")

    await to(number, limits)
    try:
        yield
    finally:
        await to(None, limits)


async def test_a_flood_of_codes_ends_until_a_supervisor_releases_it(world: World) -> None:
    subscription = world.subscription()
    second = world.second_subscription(subscription)
    async with limited(world, Limited.CODES, number=2):
        for each in (subscription, second):
            await world.start(each, complete=False)
            await world.service.send_code(each, actor=AGENT)
        refusal = await refused(world.service.send_code(second, actor=AGENT))
        assert refusal.code == LimitReached.code
        assert refusal.values["limit"] == "2"
        assert (len(world.codes(subscription)), len(world.codes(second))) == (1, 1)
        assert world.audit(second, "send_code.refused").actor == AGENT

        organization = world.organization(subscription)
        own = await refused(world.offramp.limits.release(ORGANIZATION, organization, actor=AGENT, reason="let me"))
        assert own.code == "release_needs_second_person"
        done = await world.offramp.limits.release(
            ORGANIZATION, organization, actor="supervisor-9", reason="called the customer back"
        )
        assert done.uses >= 4, "two starts and two codes, and whatever else was for this address"
        await world.service.send_code(second, actor=AGENT)
        assert len(world.codes(second)) == 2


async def test_a_flood_of_starts_is_refused_and_the_case_that_runs_goes_on(world: World) -> None:
    subscription = world.subscription()
    second = world.second_subscription(subscription)
    async with limited(world, Limited.STARTS, number=1):
        running = await world.start(subscription, complete=False)
        assert (await world.start(subscription, complete=False)).cancellation == running.cancellation
        refusal = await refused(world.start(second, complete=False))

        assert refusal.code == LimitReached.code
        assert world.audit(second, "cancellation.refused").after == {"code": "limit_reached"}
        assert (await world.service.status(subscription)).stage is Stage.INTAKE
        assert not world.mailbox.of(second)
    assert (await world.start(second, complete=False)).stage is Stage.INTAKE


async def test_guesses_through_many_cases_are_refused(world: World) -> None:
    subscription = world.subscription()
    second = world.second_subscription(subscription)
    async with limited(world, Limited.TRIES, number=1):
        for each in (subscription, second):
            await world.start(each, complete=False)
            await world.service.send_code(each, actor=AGENT)
        wrong = f"{(int(world.codes(subscription)[0]) + 1) % 1_000_000:06d}"
        first = await refused(world.service.verify_code(subscription, wrong, actor=AGENT))
        right = await refused(world.service.verify_code(second, world.codes(second)[0], actor=AGENT))

        assert (first.code, right.code) == ("code_wrong", LimitReached.code)
        assert not (await world.service.status(second)).verified


async def test_the_metrics_of_a_worker_count_refusals_by_their_code(
    idle_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, address = idle_world, f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("OFFRAMP_METRICS_ADDRESS", address)
    temporal = await Client.connect(
        world.environment.client.service_client.config.target_host,
        plugins=[offramp_plugin()],
        runtime=MetricsSettings().runtime,
    )
    async with world.worker(client=temporal), limited(world, Limited.STARTS, number=1), httpx.AsyncClient() as scraper:
        subscription = world.subscription()
        await world.start(subscription, complete=False)
        second = world.second_subscription(subscription)
        for _ in range(2):
            await refused(world.start(second, complete=False))

        scraped = (await scraper.get(f"http://{address}/metrics")).text
        counted = [line for line in scraped.splitlines() if line.startswith("offramp_refusals{")]
        assert len(counted) == 1
        assert 'code="limit_reached"' in counted[0]
        assert counted[0].endswith("} 2")


@pytest.mark.parametrize("address", ["9464", "localhost", "a b:1"])
def test_an_address_for_metrics_has_a_host_and_a_port(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("OFFRAMP_METRICS_ADDRESS", address)
    with pytest.raises(ValueError, match="metrics_address"):
        MetricsSettings()


async def test_a_flood_of_links_to_an_export_ends_until_a_supervisor_releases_it(data_world: World) -> None:
    world, subscription = data_world, await exported(data_world)

    async with limited(world, Limited.LINKS, number=2):
        for _ in range(2):
            await world.offramp.exports.renew_link(subscription, actor=AGENT)
        refusal = await refused(world.offramp.exports.renew_link(subscription, actor=AGENT))
        assert (refusal.code, refusal.values["limited"]) == (LimitReached.code, "links")
        assert world.actions(subscription).count("export.link_renewed") == 2
        assert world.audit(subscription, "renew_export_link.refused").actor == AGENT

        organization = world.organization(subscription)
        await world.offramp.limits.release(ORGANIZATION, organization, actor="supervisor-9", reason="called back")
        await world.offramp.exports.renew_link(subscription, actor=AGENT)
        assert world.actions(subscription).count("export.link_renewed") == 3


async def test_a_flood_of_corrections_is_taken_and_mails_nobody_beyond_the_limit(world: World) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    today = world.today(subscription)
    async with limited(world, Limited.CORRECTIONS, number=2):
        for number in range(4):
            day = (today + timedelta(days=20 + number)).isoformat()
            await world.service.correct(
                subscription, answers={"termination_date": day}, actor=AGENT, reason="another day after all"
            )
    assert world.actions(subscription).count("cancellation.corrected") == 4
    with world.engine.connect() as connection:
        mails = (
            "SELECT count(*) FROM messages WHERE cancellation = :of AND channel = 'mail' AND event LIKE '%rescheduled'"
        )
        assert connection.scalar(text(mails), {"of": f"{subscription}/1"}) == 2

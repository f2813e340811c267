"""Steps of a marketing service's cancellation that are in the database and in no history."""

import asyncio
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

import pytest

import contract
from activities.cancellation import Records
from activities.marketing import MarketingRecords
from contract.steps import Attested, Step, StopAcknowledged
from domain.marketing import MarketingStage
from starter.service.marketing import StopStatus
from tests.support.lost_requests import MAIL
from tests.support.lost_steps import Lost, Request
from tests.support.outcomes import all_hold, answered
from tests.support.world import AGENT, World, eventually
from tests.workflows.marketing.campaign_stops import CALLED
from tests.workflows.marketing.test_service import cancel, handle, stands_at


def a_step(world: World, subscription: str, name: str) -> Step:
    case = f"{world.organization(subscription)}/marketing/1"
    return Step(cancellation=case, name=name, actor="agent-lost", at=datetime.now(UTC))


def attested(world: World, subscription: str) -> None:
    step = a_step(world, subscription, "attest:lost")
    Records(world.engine, MAIL).save_attestation(Attested(step=step, because=CALLED))


def canceled(world: World, subscription: str) -> None:
    MarketingRecords(world.engine, MAIL).cancel_marketing_service(a_step(world, subscription, "canceled"))


def acknowledged(world: World, subscription: str) -> None:
    step = a_step(world, subscription, "acknowledge_stop:lost")
    stopped = StopAcknowledged(step=step, campaign=world.campaign(subscription, "A"))
    MarketingRecords(world.engine, MAIL).acknowledge_stop(stopped)


def completed(world: World, subscription: str) -> None:
    MarketingRecords(world.engine, MAIL).complete_marketing_case(a_step(world, subscription, "completed"))


def abandoned(world: World, subscription: str) -> None:
    MarketingRecords(world.engine, MAIL).abandon_marketing_case(a_step(world, subscription, "abandoned"))


async def attest(world: World, subscription: str) -> Any:
    return await world.marketing.attest(world.organization(subscription), actor=AGENT, reason="met in person")


async def send_code(world: World, subscription: str) -> Any:
    return await world.marketing.send_code(world.organization(subscription), actor=AGENT)


async def verify(world: World, subscription: str) -> Any:
    return await world.marketing.verify_code(world.organization(subscription), "000000", actor=AGENT)


async def acknowledge(world: World, subscription: str) -> Any:
    return await world.marketing.acknowledge_stop(world.campaign(subscription, "A"), actor="ad-centre")


async def acknowledge_other(world: World, subscription: str) -> Any:
    return await world.marketing.acknowledge_stop(world.campaign(subscription, "B"), actor="ad-centre")


REQUESTS: list[Request] = [attest, send_code, verify, acknowledge, acknowledge_other]

IN_INTAKE: list[tuple[Lost, ...]] = [
    (attested,),
    (attested, canceled),
    (attested, canceled, acknowledged),
    (abandoned,),
]
STOPPING: list[tuple[Lost, ...]] = [(acknowledged,)]
LIVES = [(MarketingStage.INTAKE, lost) for lost in IN_INTAKE] + [(MarketingStage.STOPPING, lost) for lost in STOPPING]


async def request_after(world: World, stage: MarketingStage, lost_steps: tuple[Lost, ...], request: Request) -> None:
    """One case with lost steps and one request after them."""
    subscription = world.subscription(campaigns=["A", "B"])
    organization = world.organization(subscription)
    await cancel(world, subscription)
    with world.environment.with_time_skipping_disabled():
        if stage is MarketingStage.STOPPING:
            await attest(world, subscription)
            await eventually(lambda: stands_at(world, subscription, stage))
        for lost in lost_steps:
            lost(world, subscription)
        await answered(request(world, subscription), contract.MarketingCancellationStatus | StopStatus)

        ended: asyncio.Task[Any] = asyncio.create_task(handle(world, subscription).result())
        for way_on in (attest, acknowledge, acknowledge_other):  # whatever is missing to the end
            await answered(way_on(world, subscription), contract.MarketingCancellationStatus | StopStatus)
            if way_on is attest and abandoned not in lost_steps:
                await eventually(lambda: stands_at_least(world, subscription))
        status = contract.MarketingCancellationStatus.model_validate(await ended)
    expected = MarketingStage.ABANDONED if abandoned in lost_steps else MarketingStage.CANCELED
    assert (status.stage, (await world.marketing.status(organization)).stage) == (expected, expected)


async def stands_at_least(world: World, subscription: str) -> bool:
    """Whether the campaigns are being stopped, or all are stopped."""
    stage = (await world.marketing.status(world.organization(subscription))).stage
    return stage in (MarketingStage.STOPPING, MarketingStage.CANCELED)


async def test_a_request_after_any_lost_step_meets_a_workflow_that_adopts_the_record(world: World) -> None:
    lives = zip(LIVES, cycle(REQUESTS))
    await all_hold(request_after(world, stage, lost, request) for (stage, lost), request in lives)


@pytest.mark.soak
@pytest.mark.parametrize(("stage", "lost"), LIVES)
async def test_any_request_after_any_lost_step_meets_a_workflow_that_adopts_the_record(
    world: World, stage: MarketingStage, lost: tuple[Lost, ...]
) -> None:
    await all_hold(request_after(world, stage, lost, request) for request in REQUESTS)

"""A case of many requests or many years: it is as able as on its first day."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus

from domain.refusals import Refusal
from domain.vocabulary import Stage
from tests.support.outcomes import not_broken_off
from tests.support.world import AGENT, World, eventually

MANY = int(os.environ.get("OFFRAMP_REQUESTS", "2000"))
"""The number of requests in the soak; `make soak-requests` sends a hundred thousand."""

AT_ONCE = 8
"""Callers that send one request after another: fewer than the updates that Temporal lets into a workflow at once."""


@pytest.fixture
async def busy_world(idle_world: World) -> AsyncIterator[World]:
    """A world of the test's own."""
    async with idle_world.worker():
        yield idle_world


@pytest.mark.soak
@pytest.mark.endurance
@pytest.mark.timeout(4 * 3600)
async def test_after_many_requests_of_every_kind_a_case_is_as_able_as_on_its_first_day(busy_world: World) -> None:
    world, subscription = busy_world, busy_world.subscription()
    await world.start(subscription, complete=False)
    numbers, outcomes = count(), Counter[str]()

    async def send(number: int) -> None:
        caller = f"caller-{number % 40}"
        match number % 4:
            case 0:  # lawful, and every time another request
                await world.service.answer(subscription, {"data": "none"}, actor=caller, request_id=f"answer-{number}")
            case 1:  # lawful once, repeated late
                await world.service.answer(subscription, {"data": "none"}, actor="first", request_id="the first answer")
            case 2:  # refused at this stage
                await world.service.approve(subscription, actor=caller, reason="once more")
            case _:  # a signal that is refused at this stage
                await world.signal_reversal(subscription)

    async def one_after_the_other() -> None:
        while (number := next(numbers)) < MANY:
            try:
                await send(number)
            except Refusal as refusal:
                outcomes[refusal.details.code] += 1
            else:
                outcomes["accepted"] += 1

    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))

    assert outcomes == {"accepted": MANY * 3 // 4, "approval_not_awaited": MANY // 4}
    client, case = world.environment.client, world.handle(subscription).id
    statuses = [run.status async for run in client.list_workflows(f"WorkflowId = '{case}'")]
    assert statuses.count(WorkflowExecutionStatus.RUNNING) == 1
    assert statuses.count(WorkflowExecutionStatus.CONTINUED_AS_NEW) == len(statuses) - 1 >= MANY // EVENTS_OF_A_RUN

    day = world.today(subscription) + timedelta(days=10)
    await world.service.answer(subscription, world.answers(subscription, terminate_on=day), actor=AGENT)
    await world.service.attest(subscription, actor=AGENT, reason="called back")
    await eventually(lambda: _is_in(world, subscription, Stage.SCHEDULED))
    await world.pass_time(subscription, timedelta(days=12))
    await eventually(lambda: _is_in(world, subscription, Stage.CANCELED))
    assert (await world.request_reversal(subscription)).stage is Stage.REVERSED
    await world.handle(subscription).result()
    assert await events(world, subscription) < EVENTS_OF_A_RUN


EVENTS_OF_A_RUN = 8192
"""Twice the number after which Temporal suggests to continue as new: what is under way is finished before."""


async def events(world: World, subscription: str) -> int:
    """The number of events in the history of the last run."""
    client = world.environment.client
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=world.handle(subscription).id)
    )
    described = await not_broken_off(lambda: client.workflow_service.describe_workflow_execution(request))
    return described.workflow_execution_info.history_length


async def test_a_case_that_waits_for_ten_years_takes_effect_on_its_day_and_can_be_reversed(world: World) -> None:
    subscription = world.subscription()
    day = world.today(subscription) + timedelta(days=3652)
    await world.start(subscription, answers=world.answers(subscription, terminate_on=day))
    await eventually(lambda: _is_in(world, subscription, Stage.SCHEDULED))

    await world.pass_time(subscription, timedelta(days=3653))

    await eventually(lambda: _is_in(world, subscription, Stage.CANCELED))
    assert world.line(subscription).end_date == day
    assert (await world.request_reversal(subscription)).stage is Stage.REVERSED


async def _is_in(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage

"""Webhook endpoints that take nothing: no case waits for one, nor for the mail to its owner."""

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from contract.messaging import webhook_endpoint_workflow_id
from domain.vocabulary import Stage
from tests.activities.messaging.endpoint import Endpoint
from tests.support.webhook_endpoints import add_endpoint
from tests.support.world import AGENT, World, eventually

OWNER = "hooks@provider.example"


@pytest.fixture
def good() -> Endpoint:
    return Endpoint()


@pytest.fixture
def bad() -> Endpoint:
    return Endpoint()


@pytest.fixture
async def world(idle_world: World, good: Endpoint, bad: Endpoint) -> AsyncIterator[World]:
    """A world of its own with two endpoints that hear of everything."""
    with ExitStack() as parts:
        for name, endpoint in (("good", good), ("bad", bad)):
            add_endpoint(idle_world, name, parts.enter_context(endpoint.listening()), owner=OWNER)
        async with idle_world.worker():
            with idle_world.environment.with_time_skipping_disabled():
                yield idle_world


async def hears(endpoint: Endpoint, subscription: str, *events: str) -> None:
    """Wait until an endpoint has taken some messages, in this order; those that it refused come again."""

    async def has_heard() -> bool:
        bodies = [json.loads(request.body) for request in endpoint.requests]
        of_it = [body["type"] for body in bodies if body["data"]["subscription"] == subscription]
        return list(dict.fromkeys(of_it)) == list(events)

    await eventually(has_heard, within=60)


async def test_no_case_waits_for_an_endpoint_that_takes_nothing(world: World, good: Endpoint, bad: Endpoint) -> None:
    bad.statuses = [503] * 10_000
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    await hears(good, subscription, "cancellation.received")
    await eventually(lambda: has_begun(world, "bad"))
    await world.service.withdraw(subscription, actor=AGENT, reason="they stay")

    await hears(good, subscription, "cancellation.received", "cancellation.withdrawn")
    await world.handle(subscription).result()
    again = await world.start(subscription, complete=False)
    assert (again.cancellation, again.stage) == (f"{subscription}/2", Stage.INTAKE)

    bad.requests.clear()
    bad.statuses = []
    await hears(
        bad, subscription, "cancellation.received", "cancellation.withdrawn"
    )  # of the first case, then of the second
    await world.environment.client.get_workflow_handle(webhook_endpoint_workflow_id("bad")).result()


async def test_no_webhook_waits_for_the_mail_to_the_owner_of_a_paused_endpoint(
    world: World, good: Endpoint, bad: Endpoint
) -> None:
    bad.statuses = [410]
    world.mailbox.close()
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    await hears(good, subscription, "cancellation.received")
    await eventually(lambda: has_begun(world, "bad"))
    await world.service.withdraw(subscription, actor=AGENT, reason="they stay")
    await hears(good, subscription, "cancellation.received", "cancellation.withdrawn")

    world.mailbox.open()

    async def is_notified() -> bool:
        return [str(mail["To"]) for mail in world.mailbox.mails].count(OWNER) == 1

    await eventually(is_notified, within=60)
    await world.environment.client.get_workflow_handle(webhook_endpoint_workflow_id("bad")).result()


async def has_begun(world: World, endpoint: str) -> bool:
    """Return true once a workflow serves an endpoint."""
    workflow_id = webhook_endpoint_workflow_id(endpoint)
    return bool([found async for found in world.environment.client.list_workflows(f"WorkflowId = '{workflow_id}'")])

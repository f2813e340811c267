"""Tasks of registered systems: access that ends and comes back there, data that is erased there, and who has confirmed it."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy.orm import Session
from temporalio.client import WorkflowUpdateFailedError

import contract
from activities.messaging.webhook_settings import WebhookSettings
from domain.system_tasks import Duty, SystemTask
from domain.vocabulary import Stage
from runtime.refusals import as_refusal
from runtime.temporal import offramp_plugin
from storage.tables import SubscriptionRow
from tests.activities.messaging.endpoint import OLD, Endpoint
from tests.support.documented_webhooks import assert_documented, assert_fits, undocumented
from tests.support.prepaid import reached
from tests.support.webhook_endpoints import add_endpoint
from tests.support.world import AGENT, World, eventually, refused

OWNER = "shop@provider.example"


@pytest.fixture
def shop() -> Endpoint:
    return Endpoint()


@pytest.fixture
def provider() -> Endpoint:
    """The endpoint that hears of every event; whatever it and the shop receive is as the documents say."""
    return Endpoint()


@pytest.fixture
async def system(idle_world: World, shop: Endpoint, provider: Endpoint) -> AsyncIterator[str]:
    """A system that ends access, gives it back and erases; in a world of its own, because every case would ask it."""
    with shop.listening() as url, provider.listening() as of_provider:
        register(idle_world, "shop", url)
        settings = WebhookSettings(webhook_url=of_provider, webhook_secret=SecretStr(OLD))
        async with idle_world.worker(webhooks=settings):
            yield "shop"
    for each in provider.requests:
        assert_documented(each)
    for each in shop.requests:
        assert_fits(each)
    assert undocumented([*provider.requests, *shop.requests]) == set()


@pytest.fixture
def world(idle_world: World) -> World:
    return idle_world


def register(world: World, name: str, url: str, *duties: Duty) -> None:
    add_endpoint(world, name, url, events=("line.closed",), duties=duties or list(Duty), owner=OWNER)


def asked(shop: Endpoint, subscription: str) -> list[str]:
    bodies = [json.loads(request.body) for request in shop.requests]
    return [body["type"] for body in bodies if body["data"].get("subscription") == subscription]


async def heard(endpoint: Endpoint, subscription: str, event: str) -> bool:
    return event in asked(endpoint, subscription)


async def hears(shop: Endpoint, subscription: str, *events: str) -> None:
    async def has_heard() -> bool:
        return asked(shop, subscription) == list(events)

    await eventually(has_heard)


async def open_tasks(world: World, subscription: str) -> list[str]:
    status = await world.service.status(subscription)
    return [each.in_words for each in status.system_tasks]


async def canceled(world: World) -> str:
    subscription = world.subscription()
    await world.start(subscription)
    await reached(world, subscription, Stage.CANCELED)
    return subscription


async def confirm(world: World, subscription: str, task: SystemTask, **given: Any) -> contract.SystemTasksStatus:
    return await world.service.confirm_task(f"{subscription}/1", "shop", task, actor="shop", **given)


@pytest.mark.usefixtures("system")
async def test_a_system_is_asked_to_end_access_whatever_else_it_hears_of(world: World, shop: Endpoint) -> None:
    with world.environment.with_time_skipping_disabled():
        subscription = await canceled(world)
        await hears(shop, subscription, "access.end_requested")
        assert await open_tasks(world, subscription) == ["access may still be on in shop"]
        [request] = shop.requests
        told = json.loads(request.body)["data"]["system_task"]
        assert (told["system"], told["task"], told["reminder"]) == ("shop", "end_access", 0)

        left = await confirm(world, subscription, SystemTask.END_ACCESS)
        assert left.open == ()
        assert await open_tasks(world, subscription) == []
        entry = world.audit(subscription, "system_task.confirmed")
        assert (entry.actor, entry.after) == ("shop", {"system": "shop", "task": "end_access"})


@pytest.mark.usefixtures("system")
async def test_a_reversal_asks_for_access_again_and_no_longer_for_its_end(world: World, shop: Endpoint) -> None:
    with world.environment.with_time_skipping_disabled():
        subscription = await canceled(world)
        await hears(shop, subscription, "access.end_requested")
        await world.service.reverse(subscription, world.identity(subscription), actor=AGENT)
        await hears(shop, subscription, "access.end_requested", "access.restored_requested")
        assert await open_tasks(world, subscription) == ["access may still be off in shop"]
        late = await refused(confirm(world, subscription, SystemTask.END_ACCESS))
        assert late.code == "system_task_superseded"
        # The case is over, and the next one need not wait for the system.
        await world.handle(subscription).result()
        await confirm(world, subscription, SystemTask.RESTORE_ACCESS)
        await world.environment.client.get_workflow_handle(
            contract.system_tasks_workflow_id(f"{subscription}/1")
        ).result()


@pytest.mark.usefixtures("system")
async def test_a_system_that_confirms_nothing_is_asked_again_and_escalated(
    world: World, shop: Endpoint, provider: Endpoint
) -> None:
    subscription = await canceled(world)
    follow = world.environment.client.get_workflow_handle(contract.system_tasks_workflow_id(f"{subscription}/1"))

    async def is_escalated() -> bool:
        return any(mail["To"] == OWNER for mail in world.mailbox.of(subscription))

    for days in (1, 2, 4):
        await world.environment.fast_forward(follow, timedelta(days=days))
    await eventually(is_escalated)
    await hears(shop, subscription, *["access.end_requested"] * 4)
    await eventually(lambda: heard(provider, subscription, "system_task.escalated"))
    reminders = [json.loads(request.body)["data"]["system_task"]["reminder"] for request in shop.requests]
    assert reminders[:4] == [0, 1, 2, 3]
    assert world.audit(subscription, "system_task.escalated").after == {
        "system": "shop", "task": "end_access", "to": "its owner",
    }  # fmt: skip
    await confirm(world, subscription, SystemTask.END_ACCESS)
    await eventually_closed(world, subscription)
    await confirm(world, subscription, SystemTask.ERASE)
    await follow.result()


async def eventually_closed(world: World, subscription: str) -> None:
    await world.pass_time(subscription, timedelta(days=32))
    assert (await world.handle(subscription).result())["stage"] == Stage.CLOSED


@pytest.mark.usefixtures("system")
async def test_after_the_end_systems_erase_and_the_customer_hears_when_all_have(
    world: World, shop: Endpoint, provider: Endpoint
) -> None:
    subscription = await canceled(world)
    await confirm(world, subscription, SystemTask.END_ACCESS)
    await eventually_closed(world, subscription)

    async def is_asked() -> bool:
        return "erasure.requested" in asked(shop, subscription)

    await eventually(is_asked)
    assert await open_tasks(world, subscription) == ["data may still be kept in shop"]
    first, again = [await confirm(world, subscription, SystemTask.ERASE, request_id="erased-1") for _ in range(2)]
    assert first == again

    async def is_certified() -> bool:
        return any("Erased everywhere" in mail["Subject"] for mail in world.mailbox.of(subscription))

    await eventually(is_certified)
    await eventually(lambda: heard(provider, subscription, "data.erased_elsewhere"))


@pytest.mark.usefixtures("system")
async def test_what_a_system_was_not_asked_for_is_not_confirmed(world: World) -> None:
    with world.environment.with_time_skipping_disabled():
        subscription = await canceled(world)
        assert (await refused(confirm(world, subscription, SystemTask.ERASE))).code == "system_task_unknown"
        other = world.service.confirm_task(f"{subscription}/1", "crm", SystemTask.END_ACCESS, actor="crm")
        assert (await refused(other)).code == "system_task_unknown"
        nobody = world.service.confirm_task("SUB-NOWHERE/1", "shop", SystemTask.END_ACCESS, actor="shop")
        assert (await refused(nobody)).code == "cancellation_unknown"


@pytest.mark.usefixtures("system")
async def test_nobody_confirms_by_temporal_directly_where_requests_are_signed(world: World) -> None:
    stranger = await world.environment.connect_client(plugins=[offramp_plugin()])
    with world.environment.with_time_skipping_disabled():
        subscription = await canceled(world)
        case = f"{subscription}/1"
        handle = stranger.get_workflow_handle(contract.system_tasks_workflow_id(case))
        message = contract.ConfirmTask(cancellation=case, actor="shop", system="shop", task=SystemTask.END_ACCESS)
        with pytest.raises(WorkflowUpdateFailedError) as failed:
            await handle.execute_update(contract.CONFIRM_TASK, message)
        refusal = as_refusal(failed.value.__cause__ or failed.value)
        assert refusal is not None
        assert refusal.code == "confirmer_unknown"
        await handle.signal(contract.CONFIRM_TASK, {"nonsense": 1})
        await handle.signal(contract.CONFIRM_TASK, message)
        assert await open_tasks(world, subscription) == ["access may still be on in shop"]

        await confirm(world, subscription, SystemTask.END_ACCESS)
        await handle.result()
        assert world.audit(subscription, "system_task.confirmed").actor == "shop"


@pytest.mark.usefixtures("system")
async def test_a_case_without_anything_for_systems_starts_nothing(world: World) -> None:
    with world.environment.with_time_skipping_disabled():
        subscription = world.subscription()
        await world.start(subscription, complete=False)
        await world.service.withdraw(subscription, actor=AGENT, reason="they stay")
        await world.handle(subscription).result()
    found = await world.environment.client.count_workflows(f"WorkflowId = 'systems:{subscription}/1'")
    assert found.count == 0
    assert world.actions(subscription).count("system_task.requested") == 0


@pytest.mark.usefixtures("system")
async def test_nobody_is_asked_to_erase_what_is_under_a_legal_hold(world: World, shop: Endpoint) -> None:
    subscription = world.subscription()
    organization = world.organization(subscription)
    await world.offramp.holds.place(organization, reason="a suit", actor="lead")
    await world.start(subscription)
    await reached(world, subscription, Stage.CANCELED)
    await confirm(world, subscription, SystemTask.END_ACCESS)
    await eventually_closed(world, subscription)
    assert "erasure.requested" not in asked(shop, subscription)
    follow = world.environment.client.get_workflow_handle(contract.system_tasks_workflow_id(f"{subscription}/1"))
    [hold] = await world.offramp.holds.list(organization=organization)
    await world.offramp.holds.release(hold.id, reason="settled", actor="lead")

    async def is_asked() -> bool:
        # Again and again: on a busy machine it has not begun to wait when its clock is moved for the first time.
        await world.environment.fast_forward(follow, timedelta(days=1))
        return "erasure.requested" in asked(shop, subscription)

    await eventually(is_asked)
    await confirm(world, subscription, SystemTask.ERASE)


@pytest.mark.usefixtures("system")
async def test_nobody_erases_what_another_subscription_of_the_organization_uses(world: World, shop: Endpoint) -> None:
    subscription = await canceled(world)
    with Session(world.engine) as session, session.begin():
        session.add(
            SubscriptionRow(id=f"{subscription}-B", description="", organization=world.organization(subscription))
        )
    await confirm(world, subscription, SystemTask.END_ACCESS)
    await eventually_closed(world, subscription)
    assert asked(shop, subscription) == ["access.end_requested"]
    assert await open_tasks(world, subscription) == []

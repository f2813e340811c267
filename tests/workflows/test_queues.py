"""Work does not starve work: each kind has slots of its own, in one process or in several."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from statistics import median

import pytest
from pydantic import SecretStr
from temporalio import workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.messaging.webhook_settings import WebhookSettings
from contract import WorkQueue
from runtime.queues import SLOTS
from storage.objects import Objects, ObjectStoreSettings
from storage.tenants.database import TenantDatabase
from tests.activities.messaging.endpoint import NEW
from tests.support.slow_parties import SlowParty
from tests.support.tenants import tenant_settings, tenants_database
from tests.support.world import AGENT, Data, Mailbox, World, eventually

EXPORTS = 25


@pytest.fixture
def store() -> SlowParty:
    """An object store that takes every request and never answers."""
    return SlowParty()


@pytest.fixture
async def hung_world(
    temporal_env: WorkflowEnvironment, postgres_url: str, database_url: str, store: SlowParty
) -> AsyncIterator[World]:
    """A world where organizations have data, and the object store hangs."""
    settings = ObjectStoreSettings(
        url="s3://bucket",
        endpoint=f"http://127.0.0.1:{store.port}",
        access_key_id=SecretStr("offramp"),
        secret_access_key=SecretStr("a-secret"),
    )
    with tenants_database(postgres_url) as tenants_url, Mailbox() as mailbox:
        tenants = TenantDatabase(tenant_settings(tenants_url))
        world = World(temporal_env, database_url, mailbox, data=Data(tenants, Objects(settings)))
        yield world
        world.close()


async def test_a_code_is_mailed_as_soon_as_ever_whatever_else_hangs(hung_world: World, store: SlowParty) -> None:
    """25 exports wait for a store that hangs, and webhooks for an endpoint that drips a byte every six seconds."""
    world, endpoint = hung_world, SlowParty(answer=b"HTTP/1.1 200 OK\r\nx-dripping: y")
    waiting = [world.subscription(data_rows=1) for _ in range(EXPORTS)]
    calm, verifying = ([world.subscription() for _ in range(3)] for _ in range(2))
    webhooks = WebhookSettings(webhook_url=f"http://127.0.0.1:{endpoint.port}/", webhook_secret=SecretStr(NEW))
    async with world.worker(webhooks=webhooks):
        for subscription in calm:
            await world.start(subscription, complete=False)
        before = [await _seconds_until_code(world, subscription) for subscription in calm]
        with store.listening(), endpoint.listening():
            for subscription in waiting:
                await world.start(subscription, answers=world.answers(subscription, data="export"))
            for subscription in verifying:
                await world.start(subscription, complete=False)
            await eventually(lambda: _all_slots_wait(store, endpoint))

            seconds = [await _seconds_until_code(world, subscription) for subscription in verifying]
            # Behind what hangs it would take minutes; a machine with other things to do is slow before, too.
            assert median(seconds) < max(2, 5 * median(before)), (before, seconds)
            assert store.held >= SLOTS[WorkQueue.LONG], "the exports wait as before"
            for subscription in waiting:
                await world.handle(subscription).terminate()


async def _all_slots_wait(store: SlowParty, endpoint: SlowParty) -> bool:
    # An endpoint that takes nothing is asked by one case at a time, ever more rarely: between two attempts nobody waits for it.
    return store.held >= SLOTS[WorkQueue.LONG] and endpoint.asked >= 1


async def _seconds_until_code(world: World, subscription: str) -> float:
    asked = time.monotonic()
    await world.service.send_code(subscription, actor=AGENT)
    taken = time.monotonic() - asked
    assert len(world.codes(subscription)) == 1
    return taken


async def test_the_queues_of_a_service_can_be_split_between_processes(idle_world: World) -> None:
    world, subscription = idle_world, idle_world.subscription()
    async with world.worker(hosted=[WorkQueue.WORKFLOWS, WorkQueue.RECORDS]):
        await world.start(subscription, complete=False)
        asked = asyncio.create_task(world.service.send_code(subscription, actor=AGENT))
        await eventually(lambda: _pending(world, subscription, {"deliver_mail", "send_code"}))
        assert world.mailbox.of(subscription) == []

        async with world.worker(hosted=[WorkQueue.CODES]):
            await asked
            assert len(world.mailbox.of(subscription)) == len(world.codes(subscription)) == 1
            await eventually(lambda: _pending(world, subscription, {"deliver_mail"}))

        async with world.worker(hosted=[WorkQueue.MAIL]):
            await world.mails_arrived(subscription, 2)


async def _pending(world: World, subscription: str, names: set[str]) -> bool:
    pending = (await world.handle(subscription).describe()).raw_description.pending_activities
    return {activity.activity_type.name for activity in pending} == names


@workflow.defn(sandboxed=False)
class ScheduledBefore:
    """A case of a version that had one queue for everything: its delivery is on the workflows' own."""

    @workflow.run
    async def run(self, case: str, task_queue: str) -> int:
        handled: int = await workflow.execute_activity(
            "deliver_mail",
            case,
            task_queue=task_queue,
            start_to_close_timeout=timedelta(seconds=30),
            result_type=int,
        )
        return handled


async def test_what_an_earlier_version_scheduled_on_the_workflows_queue_is_done(idle_world: World) -> None:
    world, subscription = idle_world, idle_world.subscription()
    client, before = world.environment.client, f"{world.task_queue}-before"
    async with (
        world.worker(hosted=[WorkQueue.WORKFLOWS, WorkQueue.RECORDS]),
        Worker(client, task_queue=before, workflows=[ScheduledBefore]),
    ):
        await world.start(subscription, complete=False)
        handled = await client.execute_workflow(
            ScheduledBefore.run, args=[f"{subscription}/1", world.task_queue], id=before, task_queue=before
        )
    assert handled > 0
    assert len(world.mailbox.of(subscription)) == 1

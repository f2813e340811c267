"""Worlds for the tests: one that they share, and one of their own for those that stop a part of it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.orm import Session
from temporalio.testing import WorkflowEnvironment

from contract import cancellation_workflow_id, marketing_workflow_id
from storage.objects import Objects, ObjectStoreSettings
from storage.tables import CancellationRow
from storage.tenants.database import TenantDatabase
from tests.support.databases import migrated_database
from tests.support.histories import assert_sound, histories_of
from tests.support.plans import PlanLog, keep_plans
from tests.support.servers import reading
from tests.support.tenants import tenant_settings, tenants_database
from tests.support.world import Data, Mailbox, World


@pytest.fixture
async def idle_world(temporal_env: WorkflowEnvironment, database_url: str) -> AsyncIterator[World]:
    """A world of the test's own, in which no worker runs yet."""
    with Mailbox() as mailbox:
        world = World(temporal_env, database_url, mailbox)
        yield world
        await _end(world)


@pytest.fixture
async def world(shared_world: World, plans: PlanLog) -> AsyncIterator[World]:
    """A world with a worker, shared by all tests: each looks at its own subscriptions only."""
    shared = shared_world
    world = World(shared.environment, shared.database_url, shared.mailbox, task_queue=shared.task_queue)
    yield world
    await _end(world)
    assert not plans.whole_reads(), "a statement reads a whole table"


@pytest.fixture
async def data_world(shared_data_world: World, plans: PlanLog) -> AsyncIterator[World]:
    """A world with a worker where organizations have data, and copies of it go to a real object store."""
    shared = shared_data_world
    world = World(
        shared.environment, shared.database_url, shared.mailbox, task_queue=shared.task_queue, data=shared.the_data
    )
    yield world
    await _end(world)
    assert not plans.whole_reads(), "a statement reads a whole table"


@pytest_asyncio.fixture(scope="session")
async def shared_data_world(
    temporal_env: WorkflowEnvironment,
    postgres_url: str,
    template_database: str,
    object_store_server: ObjectStoreSettings,
) -> AsyncIterator[World]:
    """The parts of a world with data that are dear to make."""
    objects = Objects(object_store_server)
    objects.ensure_bucket()
    with (
        migrated_database(postgres_url, template_database) as url,
        tenants_database(postgres_url) as tenants_url,
        Mailbox() as mailbox,
    ):
        keep_plans(postgres_url, url)
        tenants = TenantDatabase(tenant_settings(tenants_url))
        world = World(temporal_env, url, mailbox, data=Data(tenants, objects, Objects(reading(object_store_server))))
        async with world.worker():
            yield world
        world.close()


@pytest_asyncio.fixture(scope="session")
async def shared_world(
    temporal_env: WorkflowEnvironment, postgres_url: str, template_database: str
) -> AsyncIterator[World]:
    """The parts of a world that are dear to make."""
    with migrated_database(postgres_url, template_database) as url, Mailbox() as mailbox:
        keep_plans(postgres_url, url)
        world = World(temporal_env, url, mailbox)
        async with world.worker():
            yield world
        world.close()


async def _end(world: World) -> None:
    """After every test, whatever it was about: no workflow task failed, and every history replays."""
    of_lines = select(CancellationRow.workflow_id).where(
        CancellationRow.subscription.in_(world.subscriptions), CancellationRow.subscription_line.is_not(None)
    )
    with Session(world.engine) as session:
        workflows = list(session.scalars(of_lines))
    world.close()
    workflows += [cancellation_workflow_id(subscription) for subscription in world.subscriptions]
    workflows += [marketing_workflow_id(world.organization(subscription)) for subscription in world.subscriptions]
    await assert_sound(await histories_of(world.environment.client, *workflows))

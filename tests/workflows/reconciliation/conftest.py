"""Worlds of their own: a reconciliation looks at everything that a database and a Temporal server have."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from contract import cancellation_workflow_id, marketing_workflow_id, migration_workflow_id
from storage.objects import Objects, ObjectStoreSettings
from storage.tenants.database import TenantDatabase
from tests.support.databases import migrated_database
from tests.support.histories import assert_sound, histories_of
from tests.support.migrations import Migrations, on_site
from tests.support.servers import temporal_server
from tests.support.tenants import tenant_settings, tenants_database
from tests.support.world import Data, Mailbox, World


@pytest_asyncio.fixture(scope="package")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server on which nobody else leaves workflows."""
    async with temporal_server() as environment:
        yield environment


@pytest_asyncio.fixture(scope="package")
async def shared_site(
    temporal: WorkflowEnvironment,
    postgres_url: str,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    """A world with a worker where organizations have data, and copies of it go to a folder."""
    objects = Objects(ObjectStoreSettings(url=f"file://{tmp_path_factory.mktemp('store')}"))
    with (
        migrated_database(postgres_url, template_database) as url,
        tenants_database(postgres_url) as tenants_url,
        Mailbox() as mailbox,
    ):
        tenants = TenantDatabase(tenant_settings(tenants_url))
        world = World(temporal, url, mailbox, data=Data(tenants, objects))
        async with world.worker():
            yield world
        world.close()


@pytest.fixture
async def site(shared_site: World) -> AsyncIterator[World]:
    """The world of one test; in the end no workflow task failed, and every history that is left replays."""
    shared = shared_site
    world = World(
        shared.environment, shared.database_url, shared.mailbox, task_queue=shared.task_queue, data=shared.the_data
    )
    yield world
    world.close()
    workflows = [cancellation_workflow_id(subscription) for subscription in world.subscriptions]
    workflows += [migration_workflow_id(subscription) for subscription in world.subscriptions]
    workflows += [marketing_workflow_id(world.organization(subscription)) for subscription in world.subscriptions]
    await assert_sound(await histories_of(world.environment.client, *workflows))


@pytest.fixture
def migrations(site: World) -> Migrations:
    """Migrations in the world of the test."""
    return on_site(site)

"""A world with organizations that have data of their own, a place for copies of it, and support queues."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from temporalio.testing import WorkflowEnvironment

from contract import TASK_QUEUE, cancellation_workflow_id, migration_workflow_id
from storage.objects import Objects, ObjectStoreSettings
from storage.tenants.database import TenantDatabase
from storage.tenants.preparation import ensure_directory
from tests.support.databases import migrated_database
from tests.support.histories import assert_sound, histories_of
from tests.support.migrations import ESCALATION_MAIL, QUEUE_MAIL, Migrations, on_site
from tests.support.tenants import DIRECTORY, DIRECTORY_PASSWORD, tenant_settings
from tests.support.world import Data, Mailbox, World


@pytest_asyncio.fixture(scope="session")
async def shared_migrations(
    temporal_env: WorkflowEnvironment,
    postgres_url: str,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Migrations]:
    """The parts that are dear to make."""
    owner_url = _tenants(postgres_url)
    with migrated_database(postgres_url, template_database) as url, Mailbox() as mailbox:
        world = World(temporal_env, url, mailbox, data=data_of(owner_url, tmp_path_factory.mktemp("store")))
        migrations = Migrations(world, owner_url)
        migrations.queues(technical_support=QUEUE_MAIL, billing_support=None, escalation=ESCALATION_MAIL)
        async with world.worker():
            yield migrations
        world.close()


@pytest.fixture
async def migrations(shared_migrations: Migrations) -> AsyncIterator[Migrations]:
    """Migrations of the test's own; in the end no workflow task failed, and every history replays."""
    shared = shared_migrations
    before = shared.world
    world = World(
        before.environment, before.database_url, before.mailbox, task_queue=before.task_queue, data=before.data
    )
    yield Migrations(world, shared.owner_url)
    world.close()
    workflows = [cancellation_workflow_id(subscription) for subscription in world.subscriptions]
    workflows += [migration_workflow_id(subscription) for subscription in world.subscriptions]
    await assert_sound(await histories_of(world.environment.client, *workflows))


@pytest.fixture
async def idle_migrations(
    temporal_env: WorkflowEnvironment, database_url: str, tenant_database_url: str, tmp_path: Path
) -> AsyncIterator[Migrations]:
    """Migrations in a world of the test's own, in which no worker runs yet; its workers are processes."""
    with Mailbox() as mailbox:
        data = data_of(tenant_database_url, tmp_path / "store")
        world = World(temporal_env, database_url, mailbox, task_queue=TASK_QUEUE, data=data)
        yield Migrations(world, tenant_database_url)
        world.close()


@pytest.fixture
def site(data_world: World) -> Migrations:
    """Migrations whose secure site is a real object store, of organizations with the sample's data."""
    return on_site(data_world)


def _tenants(postgres_url: str) -> str:
    name = f"tenants_of_migrations_{uuid4().hex[:8]}"  # tests of a door have some of their own
    url = f"{postgres_url.rpartition('/')[0]}/{name}".replace("+psycopg", "")
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        ensure_directory(connection, DIRECTORY, DIRECTORY_PASSWORD)
    return url


def data_of(owner_url: str, store: Path) -> Data:
    tenants = TenantDatabase(tenant_settings(owner_url))
    return Data(tenants, Objects(ObjectStoreSettings(url=f"file://{store}")))

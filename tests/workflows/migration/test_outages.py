"""Others that go down in the middle of a transfer: it is tried again, says why, and in the end is whole and alone."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from itertools import count

import pytest
from psycopg import sql
from temporalio.testing import WorkflowEnvironment

from domain.migration import MigrationStage
from domain.vocabulary import Stage
from storage.objects import Objects, ObjectStoreSettings
from storage.tenants.database import TenantDatabase
from tests.support.doors import Door
from tests.support.migrations import CONTACT, Migrations
from tests.support.tenants import tenant_settings
from tests.support.world import AGENT, Data, Mailbox, World

MIB = 1024 * 1024
_buckets = (f"secure-site-{number}" for number in count(1))


@dataclass(frozen=True)
class Surroundings:
    """Migrations, and the doors through which their worker reaches what is not ours."""

    migrations: Migrations
    store: Door
    database: Door
    behind: Objects
    """The same store, through no door."""


@pytest.fixture
async def surroundings(
    temporal_env: WorkflowEnvironment,
    database_url: str,
    tenant_database_url: str,
    object_store_server: ObjectStoreSettings,
) -> AsyncIterator[Surroundings]:
    """A world of the test's own, with a bucket of its own that is still to be made."""
    bucket = object_store_server.model_copy(update={"url": f"s3://{next(_buckets)}"})
    with Mailbox() as mailbox, Door(bucket.endpoint) as store, Door(tenant_database_url) as database:
        tenants = TenantDatabase(tenant_settings(database.url))
        objects = Objects(bucket.model_copy(update={"endpoint": store.url}))
        world = World(temporal_env, database_url, mailbox, data=Data(tenants, objects))
        async with world.worker():
            yield Surroundings(Migrations(world, tenant_database_url), store, database, Objects(bucket))
        world.close()


def noise(migrations: Migrations, subscription: str, mebibytes: int) -> None:
    """Give an organization data that does not get smaller in a dump."""
    with migrations.owner() as owner:
        table = sql.Identifier(migrations.schema(subscription), "noise")
        hashes = " || ".join(f"sha512((n * 16 + {part})::text::bytea)" for part in range(16))
        query = sql.SQL("CREATE TABLE {} AS SELECT n, {} AS noise FROM generate_series(1, {}) n")
        owner.execute(query.format(table, sql.SQL(hashes), mebibytes * 1024))
    migrations.prepare(subscription)


@pytest.mark.soak
async def test_a_store_that_goes_down_in_the_middle_of_an_upload_is_waited_for_and_the_transfer_begins_anew(
    surroundings: Surroundings,
) -> None:
    migrations, door = surroundings.migrations, surroundings.store
    surroundings.behind.ensure_bucket()
    subscription = await about_to_transfer(migrations, mebibytes=19)
    door.shut_after(17 * MIB, "in")  # the first part of the upload is there then, and the second under way

    await migrations.held_up(subscription, "object_store_unavailable")
    assert not door.is_open
    await shows(migrations, subscription, "The object store")
    assert keys(surroundings, subscription) == [], "what was written is no object yet"

    door.open()
    await migrations.pass_time(subscription, timedelta(seconds=30))
    await is_whole_and_alone(surroundings, subscription, rows=19 * 1024 + 1)
    assert surroundings.behind.discard_unfinished(f"cancellations/{subscription}") == 0


@pytest.mark.soak
async def test_a_tenants_database_that_goes_down_in_the_middle_of_a_dump_is_waited_for_and_the_dump_begins_anew(
    surroundings: Surroundings,
) -> None:
    migrations, door = surroundings.migrations, surroundings.database
    surroundings.behind.ensure_bucket()
    subscription = await about_to_transfer(migrations, mebibytes=4)
    door.shut_after(5 * MIB, "out")

    await migrations.held_up(subscription, "tenant_database_unavailable")
    await shows(migrations, subscription, "does not answer")
    assert keys(surroundings, subscription) == []

    door.open()
    await migrations.pass_time(subscription, timedelta(seconds=30))
    await is_whole_and_alone(surroundings, subscription, rows=4 * 1024 + 1)


@pytest.mark.soak
async def test_a_store_that_refuses_is_waited_for_and_a_withdrawal_while_it_is_down_cleans_up_when_it_is_back(
    surroundings: Surroundings,
) -> None:
    migrations = surroundings.migrations
    subscription = await about_to_transfer(migrations, mebibytes=1)
    await migrations.held_up(subscription, "object_store_refuses")
    await shows(migrations, subscription, "Check that the configured place exists in it")
    surroundings.behind.ensure_bucket()
    await is_whole_and_alone(surroundings, subscription, rows=1024 + 1)

    surroundings.store.shut()
    withdrawing = asyncio.create_task(migrations.world.service.withdraw(subscription, actor=AGENT, reason="they stay"))
    await migrations.held_up(subscription, "object_store_unavailable")
    assert len(keys(surroundings, subscription)) == 2
    surroundings.store.open()

    assert (await withdrawing).stage is Stage.WITHDRAWN
    assert keys(surroundings, subscription) == []


async def about_to_transfer(migrations: Migrations, *, mebibytes: int) -> str:
    """An organization whose data is transferred in a moment, without a hand on the clock."""
    subscription = migrations.organization(rows=1)
    noise(migrations, subscription, mebibytes)
    await migrations.requested(subscription)
    await migrations.accepted(subscription, after=timedelta(seconds=5))
    return subscription


async def shows(migrations: Migrations, subscription: str, why: str) -> None:
    """The status says why the transfer is held up; it is not given up for that."""
    shown = await migrations.client.status(subscription)
    assert why in shown.held_up_by
    assert shown.migration.stage is MigrationStage.TRANSFERRING
    assert shown.waiting_for == "the transfer of the data, which runs by itself"


def keys(surroundings: Surroundings, subscription: str) -> list[str]:
    """The objects of the migration in the store."""
    prefix = f"cancellations/{subscription}/1/migration/"
    return sorted(found.key.removeprefix(prefix) for found in surroundings.behind.list(prefix))


async def is_whole_and_alone(surroundings: Surroundings, subscription: str, *, rows: int) -> None:
    """The transfer succeeds, once, with all rows; nothing is left of the tries that failed."""
    migrations, objects = surroundings.migrations, surroundings.behind
    await migrations.reached(subscription, MigrationStage.AVAILABLE)
    row = migrations.row(subscription)
    assert row is not None
    assert row.attempts > 1
    assert keys(surroundings, subscription) == [f"{row.attempts}/data.dump", f"{row.attempts}/manifest.json"]
    prefix = f"cancellations/{subscription}/1/migration/{row.attempts}"
    manifest = json.loads(objects.get(f"{prefix}/manifest.json"))
    assert sha256(objects.get(f"{prefix}/data.dump")).hexdigest() == manifest["sha256"] == row.sha256
    assert sum(table["rows"] for table in manifest["tables"]) == row.rows == rows
    assert migrations.actions(subscription).count("migration.transferred") == 1
    assert sum("Your data is ready" in subject for subject in migrations.mails(subscription, CONTACT)) <= 1

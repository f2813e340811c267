"""A worker process is killed in the middle of an export, and another one restarts it: never a mixture of two moments."""

import asyncio
import csv
import gzip
import io
import json
import signal

import pytest
from psycopg import sql

from contract import TASK_QUEUE
from storage.objects import Objects, ObjectStoreSettings
from storage.rights import DatabaseRole
from storage.tenants.database import TenantDatabase
from tests.support.databases import as_role
from tests.support.processes import python
from tests.support.servers import object_store_environment
from tests.support.tenants import tenant_environment
from tests.support.world import Data, World, eventually
from tests.workflows.cancellation.test_export import schema

ROWS = 60_000
"""Some seconds of work for an export."""


@pytest.mark.soak
async def test_a_killed_export_is_begun_anew_from_one_snapshot_and_leaves_nothing_behind(
    idle_world: World, tenants: TenantDatabase, tenant_database_url: str, object_store: ObjectStoreSettings
) -> None:
    world, objects = idle_world, Objects(object_store)
    world.data = Data(tenants, objects)
    world.serve(TASK_QUEUE)  # as `python -m worker` serves it
    subscription = world.subscription(data_rows=ROWS)
    prefix = f"cancellations/{subscription}/1/export"
    environment = {
        "TEMPORAL_ADDRESS": world.environment.client.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": world.environment.client.namespace,
        "OFFRAMP_DATABASE_URL": as_role(world.database_url, DatabaseRole.WORKER),
        **tenant_environment(tenant_database_url),
        "OFFRAMP_SMTP_URL": world.smtp_url,
        "OFFRAMP_MAIL_FROM": "billing@offramp.example",
        **object_store_environment(object_store),
    }

    with python("-m", "worker", environment=environment) as killed:
        await world.start(subscription, answers=world.answers(subscription, data="export"))
        await eventually(lambda: asyncio.to_thread(_some_are_there, objects, f"{prefix}/1/"), within=60)
        killed.send_signal(signal.SIGKILL)
        await asyncio.to_thread(killed.wait)
    assert not any(found.key.endswith("manifest.json") for found in objects.list(f"{prefix}/1/"))
    # The organization keeps working: were anything of the first attempt used, these rows would be missing or there twice.
    with tenants.administering() as connection:
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE ctid IN (SELECT ctid FROM {} LIMIT 1000)").format(
                *[sql.Identifier(schema(subscription), "attachments")] * 2
            )
        )
    expected = world.the_data.tables(schema(subscription))

    with python("-m", "worker", environment=environment):

        async def ready() -> bool:
            return any(key.endswith("manifest.json") for key in world.the_data.keys(f"{subscription}/1"))

        await eventually(ready, within=90)
        await eventually(lambda: _told(world, subscription))

    keys = world.the_data.keys(f"{subscription}/1")
    [number] = {key.removeprefix(f"{prefix}/").split("/")[0] for key in keys}
    assert number != "1"
    manifest = json.loads(objects.get(f"{prefix}/{number}/manifest.json"))
    assert {table["name"]: table["rows"] for table in manifest["tables"]} == expected
    written = {
        table["name"]: sum(_rows(objects.get(f"{prefix}/{number}/{file['key']}"))
                           for file in table["files"] if file["kind"] == "csv")
        for table in manifest["tables"] if table["columns"]
    }  # fmt: skip
    assert written == {name: rows for name, rows in expected.items() if name in written}
    assert objects.discard_unfinished(f"cancellations/{subscription}/1/") == 0


def _some_are_there(objects: Objects, prefix: str) -> bool:
    return any(True for _ in objects.list(prefix))


async def _told(world: World, subscription: str) -> bool:
    return any("ready to be downloaded" in subject for subject in world.mailbox.subjects_of(subscription))


def _rows(compressed: bytes) -> int:
    with gzip.open(io.BytesIO(compressed), "rt", encoding="utf-8", newline="") as text:
        return sum(1 for _ in csv.reader(text)) - 1

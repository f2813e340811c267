"""The secure site is an object store: what the IT department fetches from it, restores, and what the end leaves of it."""

import asyncio
import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import httpx
from sqlalchemy.orm import Session

from domain.migration import MigrationStage
from domain.vocabulary import Stage
from records.erasure import certificate_of
from tests.support.migrations import Migrations
from tests.support.restoring import empty_database_in, everything, restore
from tests.workflows.cancellation.test_export import reached

ROWS = 300


async def test_what_the_links_lead_to_restores_every_row_and_when_all_is_over_nothing_of_it_remains(
    site: Migrations, postgres_url: str, tmp_path: Path
) -> None:
    world, subscription = site.world, site.world.subscription(data_rows=ROWS)
    schema, cancellation = site.schema(subscription), f"{subscription}/1"
    before = everything(site.owner_url, schema)
    counted = world.the_data.tables(schema)

    await site.requested(subscription)
    await site.available(subscription)
    links = await world.offramp.migrations.links(subscription, cancellation=cancellation, transfer=1)
    manifest, dump = [await asyncio.to_thread(httpx.get, file.link) for file in links]

    assert [file.name for file in links] == ["manifest.json", "data.dump"]
    assert [len(found.content) for found in (manifest, dump)] == [file.bytes for file in links]
    assert 'filename="data.dump"' in dump.headers["content-disposition"]
    said = json.loads(manifest.content)
    status = await site.status(subscription)
    assert sha256(dump.content).hexdigest() == said["sha256"] == status.sha256
    assert len(dump.content) == said["bytes"] == status.bytes
    assert {table["name"]: table["rows"] for table in said["tables"]} == counted
    assert said["warnings"] == []

    with empty_database_in(postgres_url) as empty:
        await asyncio.to_thread(restore, dump.content, empty, tmp_path)
        assert everything(empty, schema) == before
    assert {table: len(before[table]) for table in counted} == counted

    await site.acknowledged(subscription)
    assert (await site.reported(subscription)).stage is MigrationStage.COMPLETED
    await site.handle(subscription).result()  # the clock of a parent stands still while its child runs
    await reached(world, subscription, Stage.CANCELED)
    assert site.keys(subscription) == ["1/data.dump", "1/manifest.json"], "they may want it once more"

    await world.pass_time(subscription, timedelta(days=31))
    await world.handle(subscription).result()

    assert (await world.stage(subscription)) is Stage.CLOSED
    assert (site.keys(subscription), world.the_data.tables(schema)) == ([], {})
    assert [(await asyncio.to_thread(httpx.get, file.link)).status_code for file in links] == [404, 404]
    with Session(world.engine) as session:
        proof = certificate_of(session, cancellation)
    assert proof is not None
    assert (proof.tables, proof.rows, proof.objects) == (len(counted), sum(counted.values()), 2)

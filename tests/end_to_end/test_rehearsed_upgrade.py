"""The upgrade from the released version, rehearsed: cases in every stage, a nightly run in the middle; forward, and back."""

import asyncio
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from temporalio.testing import WorkflowEnvironment

import contract
from activities.messaging.webhook_settings import WebhookSettings
from domain.vocabulary import Stage
from storage.objects import Objects, ObjectStoreSettings
from storage.schema import migrate
from storage.tables import MessageRow
from storage.tenants.database import TenantDatabase
from tests.activities.messaging.endpoint import NEW, Endpoint
from tests.support import upgrade_cases
from tests.support.histories import assert_sound, histories_of
from tests.support.nights import DUE, TODAY, line_held
from tests.support.upgrade_cases import Bring, End
from tests.support.upgrades import downgrade, reached, unpack, worker_of
from tests.support.upgrades import released as released_commit
from tests.support.world import AGENT, Data, Mailbox, World, eventually

BEFORE_EFFECT = (
    upgrade_cases.in_intake,
    upgrade_cases.awaiting_approval,
    upgrade_cases.awaiting_consent,
    upgrade_cases.awaiting_the_ad_centre,
    upgrade_cases.awaiting_a_credit_memo,
    upgrade_cases.scheduled,
)

A_FEW = [
    (upgrade_cases.in_intake, upgrade_cases.answered),
    (upgrade_cases.awaiting_a_credit_memo, upgrade_cases.credited),
    (upgrade_cases.canceled, upgrade_cases.had_back),
    (upgrade_cases.marketing_stopping, upgrade_cases.stopped),
]
"""What every test run has the time for; all of them are for releases."""


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the released version."""
    return unpack(released_commit("0.2.0"), tmp_path_factory.mktemp("released"))


@pytest.fixture
async def world(
    temporal_env: WorkflowEnvironment, database_url: str, tenants: TenantDatabase, released: Path, tmp_path: Path
) -> AsyncIterator[World]:
    """A world on the schema of the released version, with data of organizations."""
    downgrade(database_url, released, "storage.schema.migrate")
    with Mailbox() as mailbox:
        data = Data(tenants, Objects(ObjectStoreSettings(url=f"file://{tmp_path}/store")))
        world = World(temporal_env, database_url, mailbox, task_queue=contract.TASK_QUEUE, data=data)
        yield world
        world.close()
    workflows = [contract.cancellation_workflow_id(each) for each in world.subscriptions]
    workflows += [contract.migration_workflow_id(each) for each in world.subscriptions]
    workflows += [contract.marketing_workflow_id(world.organization(each)) for each in world.subscriptions]
    await assert_sound(await histories_of(temporal_env.client, *workflows))


@pytest.mark.parametrize(
    ("cases", "alone"),
    [
        pytest.param(A_FEW, BEFORE_EFFECT[-1:], id="a-few"),
        pytest.param(upgrade_cases.CASES, BEFORE_EFFECT, id="all", marks=pytest.mark.soak),
    ],
)
async def test_what_the_released_version_left_open_ends_under_this_one_and_what_this_one_left_alone_under_that(
    world: World,
    released: Path,
    tmp_path: Path,
    cases: Sequence[tuple[Bring, End]],
    alone: Sequence[Bring],
) -> None:
    system = Endpoint()
    with system.listening() as url:
        of_before = environment_of(world, url, tmp_path)
        with worker_of(released, world, of_before) as before:
            open_cases = [(end, await bring(world)) for bring, end in cases]
            left_alone = [await bring(world) for bring in alone]
            canceled = await upgrade_cases.canceled(world)
            nightly = world.subscription(lines=[DUE, DUE])
            with line_held(world, f"{nightly}-1"):
                run = await nightly_run(world, nightly)
                await eventually(partial(everything_left, world))
                await stop(before)

        migrate.upgrade(world.database_url)
        world.lift_limits()
        webhooks = WebhookSettings(webhook_url=url, webhook_secret=SecretStr(NEW))
        async with world.worker(webhooks=webhooks):
            progress = await world.environment.client.get_workflow_handle(run).result()
            assert (progress["rolled"], progress["failed"], progress["busy"]) == (2, 0, 0)
            for end, subscription in open_cases:
                await end(world, subscription)
            await eventually(partial(everything_left, world))

        with worker_of(released, world, of_before) as again:
            for subscription in left_alone:
                await world.update(subscription, contract.UPDATE_WITHDRAW, {"actor": AGENT, "reason": "they stay"})
                await reached(world, contract.cancellation_workflow_id(subscription), Stage.WITHDRAWN)
            message = {"actor": AGENT, "identity": world.identity(canceled).model_dump()}
            await world.update(canceled, contract.REQUEST_REVERSAL, message)
            await reached(world, contract.cancellation_workflow_id(canceled), Stage.REVERSED)
            await eventually(partial(everything_left, world))
            await stop(again)

    assert {world.access(each) for each in (*left_alone, canceled)} == {"on"}
    for subscription in world.subscriptions:
        sent = Counter(str(mail["Message-ID"]) for mail in world.mailbox.of(subscription))
        assert [name for name, times in sent.items() if times > 1] == []
    hooks = Counter(request.headers["webhook-id"] for request in system.requests)
    assert [name for name, times in hooks.items() if times > 1] == []
    assert len(hooks) > len(open_cases)


def environment_of(world: World, url: str, tmp_path: Path) -> Mapping[str, str]:
    """The variables of a worker of the released version that reaches everything."""
    administrator = world.the_data.tenants.administrator
    assert administrator is not None
    return {
        "OFFRAMP_WEBHOOK_URL": url,
        "OFFRAMP_WEBHOOK_SECRET": NEW,
        "OFFRAMP_TENANT_DATABASE_URL": administrator.set(drivername="postgresql").render_as_string(hide_password=False),
        "OFFRAMP_OBJECTS_URL": f"file://{tmp_path}/store",
        "OFFRAMP_PUBLIC_URL": "https://offramp.example",
        "OFFRAMP_LINK_SECRET": "0" * 32,
    }


async def nightly_run(world: World, subscription: str) -> str:
    """Start an update of the lines, and wait until it has passed by the line that is locked."""
    client, workflow_id = world.environment.client, f"{contract.NIGHTLY_SCHEDULE}-{uuid4()}"
    wish = {"subscription": subscription, "as_of": TODAY.isoformat(), "actor": AGENT}
    with world.environment.with_time_skipping_disabled():
        handle = await client.start_workflow(
            contract.SUBSCRIPTION_LINE_DATES_UPDATE, wish, id=workflow_id, task_queue=contract.TASK_QUEUE
        )

    async def passed_by() -> bool:
        progress = await handle.query(contract.QUERY_PROGRESS)
        return progress is not None and progress["busy"] == 1

    await eventually(passed_by)
    return workflow_id


async def everything_left(world: World) -> bool:
    """Whether every message about a case was delivered; those about lines leave at the end of their run."""

    def count() -> int:
        with Session(world.engine) as session:
            pending = MessageRow.delivered_at.is_(None) & MessageRow.failed_at.is_(None) & MessageRow.run.is_(None)
            return session.scalar(select(func.count()).select_from(MessageRow).where(pending)) or 0

    return await asyncio.to_thread(count) == 0


async def stop(worker: subprocess.Popen[str]) -> None:
    worker.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait, 60) == 0

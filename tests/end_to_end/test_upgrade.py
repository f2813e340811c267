"""A case that the version before started continues under this one: the worker is stopped, replaced, and the case goes its way.

The version before is the last one with the records in storage/, taken from the history of the repository. It runs as the
process that it was, on its own schema, and gets the messages that it knows.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

import contract
from domain.marketing import MarketingStage
from domain.migration import MigrationStage
from domain.vocabulary import Stage
from storage.objects import Objects, ObjectStoreSettings
from storage.schema import migrate
from storage.tenants.database import TenantDatabase
from tests.support.histories import assert_sound, histories_of
from tests.support.upgrades import CALLED, downgrade, git, start, unpack, worker_of
from tests.support.world import AGENT, MARKETING_OWNER, Data, Mailbox, World, eventually


@pytest.fixture(scope="module")
def version_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the version before, unpacked."""
    moved = git("log", "--diff-filter=A", "--format=%H", "--", "records/audit.py").decode().split()
    return unpack(f"{moved[-1]}^" if moved else "the version before", tmp_path_factory.mktemp("before"))


@pytest.fixture
async def world(
    temporal_env: WorkflowEnvironment,
    database_url: str,
    tenants: TenantDatabase,
    version_before: Path,
    tmp_path: Path,
) -> AsyncIterator[World]:
    """A world on the schema of the version before, served by the task queue that workers in processes serve."""
    downgrade(database_url, version_before, "storage.migrate")
    with Mailbox() as mailbox:
        data = Data(tenants, Objects(ObjectStoreSettings(url=f"file://{tmp_path}/store")))
        world = World(temporal_env, database_url, mailbox, task_queue=contract.TASK_QUEUE, data=data)
        yield world
        world.close()
    for subscription in world.subscriptions:
        for workflow_id in (
            contract.cancellation_workflow_id(subscription),
            contract.migration_workflow_id(subscription),
            contract.marketing_workflow_id(world.organization(subscription)),
        ):
            await assert_sound(await histories_of(temporal_env.client, workflow_id))


@pytest.mark.soak
async def test_cases_at_every_stage_continue_under_the_new_version(world: World, version_before: Path) -> None:
    answering, scheduled, waiting, reversing, migrating, marketing = (
        world.subscription(),
        world.subscription(),
        world.subscription(),
        world.subscription(),
        world.subscription(data_schema="crm"),
        world.subscription(campaigns=["A"]),
    )
    today = world.today(scheduled)
    world.invoice(waiting, f"{waiting}-INV", today.replace(day=1), today + timedelta(days=400))
    with worker_of(version_before, world) as before:
        await start(world, answering, answers={}, attestation=None)
        await start(world, scheduled, answers=world.answers(scheduled, terminate_on=today + timedelta(days=10)))
        await start(world, waiting)
        await start(world, reversing)
        await start(world, migrating, answers=world.answers(migrating, data="migrate", terminate_on=today))
        await start_marketing(world, marketing)
        await eventually(lambda: at(world, {answering: Stage.INTAKE, scheduled: Stage.SCHEDULED,
                                            waiting: Stage.PREPARING, reversing: Stage.CANCELED,
                                            migrating: Stage.PREPARING}))  # fmt: skip
        await eventually(lambda: migration_at(world, migrating, MigrationStage.REQUESTED))
        before.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(before.wait, 60) == 0

    migrate.upgrade(world.database_url)
    world.lift_limits()

    async with world.worker():
        await world.update(
            answering, contract.UPDATE_ANSWER, contract.Answer(actor=AGENT, answers=world.answers(answering))
        )
        await world.update(answering, contract.UPDATE_ATTEST, contract.Attest(actor=AGENT, attestation=CALLED))
        await world.pass_time(scheduled, timedelta(days=11))
        await world.service.post_credit_memo(f"{waiting}-INV", number=f"{waiting}-CM", actor="billing")
        await world.pass_time(waiting, timedelta(days=1))  # access works through its last day now
        await world.request_reversal(reversing)
        await world.update(migrating, contract.UPDATE_WITHDRAW, contract.Withdraw(actor=AGENT, reason="we stay"))
        acknowledged = contract.AcknowledgeStop(actor="ad centre", campaign=world.campaign(marketing, "A"))
        await marketing_case(world, marketing).execute_update(contract.ACKNOWLEDGE_STOP, acknowledged)
        await eventually(lambda: at(world, {answering: Stage.CANCELED, scheduled: Stage.CANCELED,
                                            waiting: Stage.CANCELED, reversing: Stage.REVERSED,
                                            migrating: Stage.WITHDRAWN}))  # fmt: skip
        ended = contract.MarketingCancellationStatus.model_validate(await marketing_case(world, marketing).result())
        assert ended.stage is MarketingStage.CANCELED
        await world.pass_time(answering, timedelta(days=32))
        assert await world.stage(answering) is Stage.CLOSED
    assert world.access(reversing) == world.access(migrating) == "on"
    assert world.access(scheduled) == world.access(answering) == "off"


async def start_marketing(world: World, subscription: str) -> None:
    organization = world.organization(subscription)
    message = contract.StartMarketingCancellation(
        organization=organization, administrator=MARKETING_OWNER, actor=AGENT, attestation=CALLED
    )
    with world.environment.with_time_skipping_disabled():
        await world.environment.client.start_workflow(
            contract.MARKETING_SERVICE_CANCELLATION,
            message.model_dump(mode="json", exclude_defaults=True),
            id=contract.marketing_workflow_id(organization),
            task_queue=contract.TASK_QUEUE,
        )

    async def stopping() -> bool:
        status = await marketing_case(world, subscription).query(contract.QUERY_STATUS)
        return status is not None and status["stage"] == MarketingStage.STOPPING.value

    await eventually(stopping)


def marketing_case(world: World, subscription: str) -> WorkflowHandle[object, object]:
    organization = world.organization(subscription)
    return world.environment.client.get_workflow_handle(contract.marketing_workflow_id(organization))


async def at(world: World, stages: dict[str, Stage]) -> bool:
    """The stages by the workflows, which the service asks, too; it would look at records that are not upgraded yet."""
    found = {subscription: await world.handle(subscription).query(contract.QUERY_STATUS) for subscription in stages}
    return {name: status and Stage(status["stage"]) for name, status in found.items()} == stages


async def migration_at(world: World, subscription: str, stage: MigrationStage) -> bool:
    handle = world.environment.client.get_workflow_handle(contract.migration_workflow_id(subscription))
    status = await handle.query(contract.QUERY_STATUS)
    return status is not None and status["stage"] == stage.value

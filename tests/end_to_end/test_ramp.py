"""The upgrade from the released version to this one on one server, rehearsed: a ramp, the way back, forward again, the end.

The released version has no deployment version; this one has. Its workers are the process that they were, on the schema that
was expanded while they ran. The commands are those of docs/upgrades.md.
"""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerDeploymentConfig

import contract
from domain.vocabulary import Stage
from starter.local.temporal import temporal_program
from storage.schema import migrate
from tests.support.servers import temporal_server
from tests.support.upgrades import downgrade, stage_of, start, unpack, worker_of
from tests.support.upgrades import released as released_commit
from tests.support.world import AGENT, Mailbox, World, eventually

RELEASED = "0.2.0"
NAME, BUILD = "offramp", "0.3.0"
NEW = WorkerDeploymentConfig(
    version=WorkerDeploymentVersion(NAME, BUILD),
    use_worker_versioning=True,
    default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
)

TASK_ENDS = (EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED)

ATTESTED = {"actor": AGENT, "attestation": {"reason": "called back on the number on file"}}
WITHDRAWAL = {"actor": AGENT, "reason": "changed their mind"}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the released version."""
    return unpack(released_commit(RELEASED), tmp_path_factory.mktemp("released"))


@pytest.fixture
async def world(database_url: str, released: Path) -> AsyncIterator[World]:
    """A world on the schema of the released version; its histories hold the failed tasks of the way back.

    The Temporal server is its own: a version that is current on the queue would keep the tasks of other tests from their workers.
    """
    downgrade(database_url, released, "storage.schema.migrate")
    async with temporal_server() as temporal:
        with Mailbox() as mailbox:
            world = World(temporal, database_url, mailbox, task_queue=contract.TASK_QUEUE)
            yield world
            world.close()


@pytest.mark.soak
async def test_cases_of_the_released_version_ramp_come_back_and_end_under_this_one(
    world: World, released: Path
) -> None:
    with worker_of(released, world) as before:
        untouched, due, touched = await open_cases(world), await open_cases(world), await open_cases(world)
        migrate.upgrade(world.database_url)
        world.lift_limits()
        on_new_schema = await open_cases(world)

        async with world.worker(deployment=NEW):
            await eventually(lambda: is_known(world))
            await set_version(world, "ramping", "--build-id", BUILD, "--percentage", "50")
            started = await started_under_both(world)
            await set_version(world, "ramping", "--build-id", BUILD, "--delete")
            assert await build_of(world, await started_intake(world)) == ""

            await set_version(world, "current", "--build-id", BUILD)
            assert await build_of(world, await started_intake(world)) == BUILD
            await world.pass_time(due[Stage.SCHEDULED], timedelta(days=11))
            await eventually(lambda: is_in(world, due[Stage.SCHEDULED], Stage.CANCELED))
            await world.update(touched[Stage.INTAKE], contract.UPDATE_ATTEST, ATTESTED)
            await world.service.attest(due[Stage.INTAKE], actor=AGENT, reason="called back on the number on file")
            await world.service.post_credit_memo(f"{due[Stage.PREPARING]}-INV", number="CM-1", actor="billing")
            await world.pass_time(due[Stage.PREPARING], timedelta(days=1))  # access works through its last day now
            await eventually(lambda: is_in(world, due[Stage.PREPARING], Stage.CANCELED))

            await set_version(world, "current", "--unversioned")
            assert await build_of(world, await started_intake(world)) == ""

        # Back: what this version did not touch continues, and so does what only a timer of its own moved.
        for cases in (untouched, on_new_schema):
            await end(world, cases)
        await reverse(world, due[Stage.SCHEDULED])
        assert await build_of(world, due[Stage.SCHEDULED]) == ""
        # What it started, or a request reached, or whose lines it settled, stands still.
        standing = (started, touched[Stage.INTAKE], due[Stage.INTAKE], due[Stage.PREPARING])
        for subscription in standing:
            await world.handle(subscription).signal(contract.SIGNAL_CREDIT_MEMO_POSTED, {"invoice": "INV-1"})
            await eventually(lambda subscription=subscription: stands_still(world, subscription))  # type: ignore[misc]

        async with world.worker(deployment=NEW):
            await set_version(world, "current", "--build-id", BUILD)
            before.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(before.wait, 60) == 0
            await end(world, touched)
            await end(world, {Stage.INTAKE: due[Stage.INTAKE]})
            for subscription in (due[Stage.PREPARING], due[Stage.CANCELED]):
                await reverse(world, subscription)
            await world.service.withdraw(started, actor=AGENT, reason="changed their mind")
            assert await is_in(world, started, Stage.WITHDRAWN)
            assert await build_of(world, started) == BUILD


async def open_cases(world: World) -> dict[Stage, str]:
    """A case in each stage that waits."""
    cases = {stage: world.subscription() for stage in (Stage.INTAKE, Stage.PREPARING, Stage.SCHEDULED, Stage.CANCELED)}
    later = world.today(cases[Stage.SCHEDULED]) + timedelta(days=10)
    invoiced, today = cases[Stage.PREPARING], later - timedelta(days=10)
    world.invoice(invoiced, f"{invoiced}-INV", today.replace(day=1), today + timedelta(days=400))
    await start(world, cases[Stage.INTAKE], answers={}, attestation=None)
    await start(world, cases[Stage.PREPARING])
    await start(world, cases[Stage.SCHEDULED], answers=world.answers(cases[Stage.SCHEDULED], terminate_on=later))
    await start(world, cases[Stage.CANCELED])
    for stage, subscription in cases.items():
        await eventually(lambda subscription=subscription, stage=stage: is_in(world, subscription, stage))  # type: ignore[misc]
    return cases


async def end(world: World, cases: dict[Stage, str]) -> None:
    """Take a case of each stage to an end, by requests that both versions know."""
    for stage, subscription in cases.items():
        if stage is Stage.CANCELED:
            await reverse(world, subscription)
        else:
            await world.update(subscription, contract.UPDATE_WITHDRAW, WITHDRAWAL)
            assert await is_in(world, subscription, Stage.WITHDRAWN)


async def reverse(world: World, subscription: str) -> None:
    message = {"actor": AGENT, "identity": world.identity(subscription).model_dump()}
    await world.update(subscription, contract.REQUEST_REVERSAL, message)
    assert await is_in(world, subscription, Stage.REVERSED)


async def started_intake(world: World) -> str:
    """A case that is started now, and waits for its answers."""
    subscription = world.subscription()
    await start(world, subscription, answers={}, attestation=None)
    await eventually(lambda: is_in(world, subscription, Stage.INTAKE))
    return subscription


async def started_under_both(world: World) -> str:
    """Start cases until both versions have some; return one of this version."""
    found: dict[str, str] = {}
    async with asyncio.timeout(60):
        while set(found) != {"", BUILD}:
            subscription = await started_intake(world)
            found[await build_of(world, subscription)] = subscription
    return found[BUILD]


async def set_version(world: World, kind: str, *arguments: str) -> None:
    """Set the ramping or the current version of the deployment by Temporal's command line."""
    output, status = await temporal(world, f"set-{kind}-version", "--deployment-name", NAME, *arguments, "--yes")
    assert status == 0, output


async def is_known(world: World) -> bool:
    """Whether Temporal knows this version on every queue."""
    output, status = await temporal(world, "describe-version", "--deployment-name", NAME, "--build-id", BUILD)
    return status == 0 and all(f"{queue.task_queue(NAME)} " in output for queue in contract.WorkQueue)


async def temporal(world: World, *arguments: str) -> tuple[str, int | None]:
    """Run `temporal worker deployment`; return its output and its exit status."""
    client = world.environment.client
    where = ("--address", client.service_client.config.target_host, "--namespace", client.namespace)
    process = await asyncio.create_subprocess_exec(
        temporal_program(), "worker", "deployment", *arguments, *where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return output.decode(), process.returncode


async def build_of(world: World, subscription: str) -> str:
    """The build id of the version that took the case's last task; empty for workers without one."""
    described = await world.handle(subscription).describe()
    return described.raw_description.workflow_execution_info.versioning_info.deployment_version.build_id


async def stands_still(world: World, subscription: str) -> bool:
    """Whether the last workflow task of the case failed."""
    events = [event.event_type async for event in world.handle(subscription).fetch_history_events()]
    tasks = [kind for kind in events if kind in TASK_ENDS]
    return tasks[-1:] == [EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED]


async def is_in(world: World, subscription: str, stage: Stage) -> bool:
    return await stage_of(world, contract.cancellation_workflow_id(subscription)) == stage.value

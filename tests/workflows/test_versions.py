"""A rehearsal of worker versioning: open cases in every stage and a nightly run, a ramp, the new version current, the way back."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.api.deployment.v1 import message_pb2 as deployment_pb2
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentVersionRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.client import WorkflowHandle
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import WorkerDeploymentConfig

from contract import WorkQueue
from domain.vocabulary import Stage
from tests.support.nights import DUE, TODAY, Update, line_held, progress_of, start_update
from tests.support.outcomes import not_broken_off
from tests.support.world import AGENT, World, eventually
from worker import WORKFLOWS_OF_A_VERSION


class Deployment:
    """A worker deployment with two versions, of which a test has workers come and go."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.name = world.task_queue
        self._running: dict[str, AsyncExitStack] = {}

    async def start(self, build: str) -> None:
        """Start the workers of a version, and wait until Temporal knows them on every queue."""
        config = WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(self.name, build),
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
        )
        self._running[build] = AsyncExitStack()
        await self._running[build].enter_async_context(self.world.worker(deployment=config))
        await eventually(lambda: self._is_known(build))

    async def stop_all(self) -> None:
        """Stop the workers of every version."""
        for build in list(self._running):
            await self.stop(build)

    async def stop(self, build: str) -> None:
        """Stop the workers of a version."""
        await self._running.pop(build).aclose()

    async def make_current(self, build: str) -> None:
        """Give a version all tasks."""
        client = self.world.environment.client
        request = SetWorkerDeploymentCurrentVersionRequest(
            namespace=client.namespace, deployment_name=self.name, build_id=build, identity="test"
        )
        await not_broken_off(lambda: client.workflow_service.set_worker_deployment_current_version(request))

    async def ramp(self, build: str, percentage: float) -> None:
        """Give a version a share of the tasks."""
        client = self.world.environment.client
        request = SetWorkerDeploymentRampingVersionRequest(
            namespace=client.namespace,
            deployment_name=self.name,
            build_id=build,
            percentage=percentage,
            identity="test",
        )
        await not_broken_off(lambda: client.workflow_service.set_worker_deployment_ramping_version(request))

    async def _is_known(self, build: str) -> bool:
        client = self.world.environment.client
        version = deployment_pb2.WorkerDeploymentVersion(deployment_name=self.name, build_id=build)
        request = DescribeWorkerDeploymentVersionRequest(namespace=client.namespace, deployment_version=version)
        try:
            described = await client.workflow_service.describe_worker_deployment_version(request)
        except RPCError:
            return False
        return len({queue.name for queue in described.version_task_queues}) == len(WorkQueue)


async def is_in(world: World, subscription: str, stage: Stage) -> bool:
    return await world.stage(subscription) is stage


async def open_cases(world: World) -> dict[Stage, str]:
    """A case in each stage that waits."""
    cases = {stage: world.subscription() for stage in (Stage.INTAKE, Stage.SCHEDULED, Stage.CANCELED)}
    await world.start(cases[Stage.INTAKE], complete=False)
    later = world.today(cases[Stage.SCHEDULED]) + timedelta(days=10)
    await world.start(cases[Stage.SCHEDULED], answers=world.answers(cases[Stage.SCHEDULED], terminate_on=later))
    await world.start(cases[Stage.CANCELED])
    for stage, subscription in cases.items():
        await eventually(lambda subscription=subscription, stage=stage: is_in(world, subscription, stage))  # type: ignore[misc]
    return cases


async def version_of(workflow: WorkflowHandle[Any, Any]) -> tuple[str, VersioningBehavior]:
    """The build id of the version that took the workflow's last task, and what it does when another one becomes current."""
    info = (await workflow.describe()).raw_description.workflow_execution_info.versioning_info
    return info.deployment_version.build_id, VersioningBehavior(info.behavior)


async def waits_for_a_line(world: World, update: Update) -> bool:
    progress = await progress_of(world, update.id)
    return progress is not None and progress.busy == 1


def test_the_document_says_what_each_workflow_does_when_another_version_becomes_current() -> None:
    text = (Path(__file__).parents[2] / "docs" / "upgrades.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| `(AUTO_UPGRADE|PINNED)` \|", text, re.MULTILINE)
    definitions = [workflow._Definition.must_from_class(kind) for kind in WORKFLOWS_OF_A_VERSION]
    assert {name: behavior for names, behavior in rows for name in re.findall(r"\w+", names)} == {
        str(each.name): (each.versioning_behavior or VersioningBehavior.AUTO_UPGRADE).name for each in definitions
    }


@pytest.fixture
async def deployment(idle_world: World) -> AsyncIterator[Deployment]:
    """A deployment whose workers are stopped in the end."""
    deployment = Deployment(idle_world)
    yield deployment
    await deployment.stop_all()


async def test_cases_move_to_a_new_version_and_back_while_a_nightly_run_ends_with_its_own(
    deployment: Deployment,
) -> None:
    world = deployment.world
    await deployment.start("before")
    await deployment.make_current("before")
    first, second = await open_cases(world), await open_cases(world)
    due = world.subscription(lines=[DUE])

    with line_held(world, f"{due}-1"):
        with world.environment.with_time_skipping_disabled():
            night = await start_update(world, subscription=due, as_of=TODAY)
        await eventually(lambda: waits_for_a_line(world, night))
        await deployment.start("after")
        await deployment.ramp("after", 50)
        ramping = world.subscription()
        await world.start(ramping)
        assert (await world.service.withdraw(first[Stage.INTAKE], actor=AGENT, reason="changed their mind")).stage
        await deployment.make_current("after")
    await world.environment.fast_forward(night, timedelta(minutes=10))
    assert (await night.result()).rolled == 1
    assert await version_of(night) == ("before", VersioningBehavior.PINNED)
    await deployment.stop("before")

    status = await world.service.withdraw(first[Stage.SCHEDULED], actor=AGENT, reason="changed their mind")
    assert status.stage is Stage.WITHDRAWN
    canceled = first[Stage.CANCELED]
    assert (await world.service.reverse(canceled, world.identity(canceled), actor=AGENT)).stage is Stage.REVERSED
    assert await version_of(world.handle(canceled)) == ("after", VersioningBehavior.AUTO_UPGRADE)

    await deployment.start("before")
    await deployment.make_current("before")
    await deployment.stop("after")
    intake, scheduled, canceled = second[Stage.INTAKE], second[Stage.SCHEDULED], second[Stage.CANCELED]
    await world.service.answer(intake, world.answers(intake), actor=AGENT)
    await world.service.attest(intake, actor=AGENT, reason="called back")
    await eventually(lambda: is_in(world, intake, Stage.CANCELED))
    assert (await world.service.withdraw(scheduled, actor=AGENT, reason="changed their mind")).stage is Stage.WITHDRAWN
    assert (await world.service.reverse(canceled, world.identity(canceled), actor=AGENT)).stage is Stage.REVERSED
    assert await version_of(world.handle(canceled)) == ("before", VersioningBehavior.AUTO_UPGRADE)

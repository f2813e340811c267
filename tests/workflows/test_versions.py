"""A rehearsal of worker versioning: open cases in every stage, a ramp, the new version current, and the way back."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from temporalio.api.deployment.v1 import message_pb2 as deployment_pb2
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentVersionRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import WorkerDeploymentConfig

from contract import WorkQueue
from domain.vocabulary import Stage
from tests.support.outcomes import not_broken_off
from tests.support.world import AGENT, World, eventually


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


async def build_of(world: World, subscription: str) -> str:
    """The build id of the version that took the case's last task."""
    described = await world.handle(subscription).describe()
    return described.raw_description.workflow_execution_info.versioning_info.deployment_version.build_id


@pytest.fixture
async def deployment(idle_world: World) -> AsyncIterator[Deployment]:
    """A deployment whose workers are stopped in the end."""
    deployment = Deployment(idle_world)
    yield deployment
    await deployment.stop_all()


async def test_open_cases_ramp_to_a_new_version_finish_under_it_and_come_back(deployment: Deployment) -> None:
    world = deployment.world
    await deployment.start("before")
    await deployment.make_current("before")
    first, second = await open_cases(world), await open_cases(world)

    await deployment.start("after")
    await deployment.ramp("after", 50)
    ramping = world.subscription()
    await world.start(ramping)
    assert (await world.service.withdraw(first[Stage.INTAKE], actor=AGENT, reason="changed their mind")).stage
    await deployment.make_current("after")
    await deployment.stop("before")

    status = await world.service.withdraw(first[Stage.SCHEDULED], actor=AGENT, reason="changed their mind")
    assert status.stage is Stage.WITHDRAWN
    canceled = first[Stage.CANCELED]
    assert (await world.service.reverse(canceled, world.identity(canceled), actor=AGENT)).stage is Stage.REVERSED
    assert await build_of(world, canceled) == "after"

    await deployment.start("before")
    await deployment.make_current("before")
    await deployment.stop("after")
    intake, scheduled, canceled = second[Stage.INTAKE], second[Stage.SCHEDULED], second[Stage.CANCELED]
    await world.service.answer(intake, world.answers(intake), actor=AGENT)
    await world.service.attest(intake, actor=AGENT, reason="called back")
    await eventually(lambda: is_in(world, intake, Stage.CANCELED))
    assert (await world.service.withdraw(scheduled, actor=AGENT, reason="changed their mind")).stage is Stage.WITHDRAWN
    assert (await world.service.reverse(canceled, world.identity(canceled), actor=AGENT)).stage is Stage.REVERSED
    assert await build_of(world, canceled) == "before"

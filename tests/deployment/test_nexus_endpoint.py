"""The Nexus service of a deployment: its endpoint, and its process."""

import asyncio
import sys
from collections.abc import Mapping
from functools import partial

from temporalio.api.operatorservice.v1 import ListNexusEndpointsRequest
from temporalio.testing import WorkflowEnvironment

from contract.nexus import NEXUS_TASK_QUEUE
from starter.local import HOST
from tests.deployment.files import SERVICES
from tests.deployment.test_deploying import answers, create_namespace, environment, offramp, run, temporal
from tests.support.ports import free_ports
from tests.support.processes import python, wait_until

__all__ = ["environment", "temporal"]


async def endpoints(server: WorkflowEnvironment) -> dict[str, tuple[str, str]]:
    """Where each Nexus endpoint leads to: a namespace, and a task queue there."""
    listed = await server.client.operator_service.list_nexus_endpoints(ListNexusEndpointsRequest())
    return {
        each.spec.name: (each.spec.target.worker.namespace, each.spec.target.worker.task_queue)
        for each in listed.endpoints
    }


async def test_the_setup_makes_the_endpoint_once_for_the_namespace_and_the_queue_of_the_service(
    environment: Mapping[str, str], temporal: WorkflowEnvironment
) -> None:
    await asyncio.to_thread(create_namespace, environment)
    for _ in range(2):
        said = await asyncio.to_thread(offramp, "setup", environment=environment)
        assert said.returncode == 0, said.stderr
        assert "The Nexus endpoint offramp leads to the service." in said.stdout
    assert await endpoints(temporal) == {"offramp": (environment["TEMPORAL_NAMESPACE"], NEXUS_TASK_QUEUE)}


async def test_setup_refuses_the_name_of_an_endpoint_that_is_another_installations(
    environment: Mapping[str, str], temporal: WorkflowEnvironment
) -> None:
    await asyncio.to_thread(create_namespace, environment)
    taken = await temporal.create_nexus_endpoint("taken", "of-another")
    said = await asyncio.to_thread(offramp, "setup", environment={**environment, "OFFRAMP_NEXUS_ENDPOINT": "taken"})
    assert said.returncode == 1
    assert "nexus_endpoint_taken" in said.stderr
    assert "Set OFFRAMP_NEXUS_ENDPOINT to another name" in " ".join(said.stderr.split())
    assert (await endpoints(temporal))["taken"] == ("default", "of-another")
    await temporal.delete_nexus_endpoint(taken)


async def test_the_service_is_healthy_once_it_asks_for_work_and_ends_with_0_when_it_is_told_to_stop(
    environment: Mapping[str, str],
) -> None:
    await asyncio.to_thread(create_namespace, environment)
    [_, *health] = SERVICES["nexus"]["healthcheck"]["test"]
    [_, *program] = SERVICES["nexus"]["command"]
    check = partial(asyncio.to_thread, run, sys.executable, *health[1:], environment=environment)
    before = await check()
    assert (before.returncode, NEXUS_TASK_QUEUE in before.stdout) == (1, True)
    (port,) = free_ports(1)
    given = {name: value for name, value in environment.items() if "DATABASE" not in name}
    given["OFFRAMP_HEALTH_ADDRESS"] = f"{HOST}:{port}"
    with python(*program, environment=given) as process:
        while (checked := await check()).returncode:
            assert process.poll() is None, "it ended"
            assert NEXUS_TASK_QUEUE in checked.stdout
        await asyncio.to_thread(wait_until, lambda: answers(f"http://{HOST}:{port}/ready"), "the service is ready")
        process.terminate()
        assert await asyncio.to_thread(process.wait, 30) == 0

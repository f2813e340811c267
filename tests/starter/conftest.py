"""The surroundings of the starter's tests: a Temporal server that skips no time, and a service for the command line."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

import contract
from contract import TASK_QUEUE
from runtime.temporal import connect_to_temporal, offramp_plugin
from starter.local.temporal import temporal_program
from starter.service import Offramp
from storage.database import create_database_engine
from storage.rights import DatabaseRole
from tests.support.command_line import CommandLine
from tests.support.databases import as_role
from tests.support.ports import free_port
from tests.support.servers import STARTS_WITHIN
from tests.support.world import Mailbox, World


@pytest_asyncio.fixture(scope="session")
async def plain_temporal() -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server whose clock is the wall's; schedules need one."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(temporal_program()),
        dev_server_startup_timeout=STARTS_WITHIN,
        search_attributes=contract.SEARCH_ATTRIBUTES,
        plugins=[offramp_plugin()],
    )
    async with environment:
        yield environment


@pytest.fixture
def no_time_passes(world: World) -> Iterator[None]:
    """No case ends by itself while a test looks at what happens to it."""
    with world.environment.with_time_skipping_disabled():
        yield


@pytest.fixture
async def service_away(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Offramp]:
    """A service whose parts do not answer, so that what is let through goes no further."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")
    engine = create_database_engine(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing")
    yield Offramp(await connect_to_temporal(lazy=True), engine)
    engine.dispose()


@pytest.fixture
async def world(temporal_env: WorkflowEnvironment, database_url: str) -> AsyncIterator[World]:
    """A world whose worker serves the task queue that the command line uses; what it has started is ended with it."""
    with Mailbox() as mailbox:
        world = World(temporal_env, database_url, mailbox, task_queue=TASK_QUEUE)
        async with world.worker():
            yield world
        world.close()
    async for workflow in temporal_env.client.list_workflows(
        f"TaskQueue = '{TASK_QUEUE}' AND ExecutionStatus = 'Running'"
    ):
        await temporal_env.client.get_workflow_handle(workflow.id, run_id=workflow.run_id).terminate("the test is over")


@pytest.fixture
def offramp(world: World, temporal_env: WorkflowEnvironment, database_url: str) -> CommandLine:
    """The command line of an agent."""
    return CommandLine(
        {
            "OFFRAMP_DATABASE_URL": as_role(database_url, DatabaseRole.CALLERS),
            "OFFRAMP_ACTOR": "agent-1",
            "TEMPORAL_ADDRESS": temporal_env.client.service_client.config.target_host,
            "TEMPORAL_NAMESPACE": temporal_env.client.namespace,
        }
    )

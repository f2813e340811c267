"""A world with a running worker."""

from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.support.world import Mailbox, World


@pytest.fixture
async def idle_world(temporal_env: WorkflowEnvironment, database_url: str) -> AsyncIterator[World]:
    """A world in which no worker runs yet."""
    with Mailbox() as mailbox:
        world = World(temporal_env, database_url, mailbox)
        yield world
        world.engine.dispose()


@pytest.fixture
async def world(idle_world: World) -> AsyncIterator[World]:
    """A world with a worker."""
    async with idle_world.worker():
        yield idle_world

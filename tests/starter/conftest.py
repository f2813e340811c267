"""A Temporal server for what skips no time: schedules, and commands in processes of their own."""

from collections.abc import AsyncIterator

import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from starter.connection import offramp_plugin
from starter.local.temporal import temporal_program
from workflows import contract


@pytest_asyncio.fixture(scope="session")
async def plain_temporal() -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server whose clock is the wall's; schedules need one."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(temporal_program()),
        search_attributes=contract.SEARCH_ATTRIBUTES,
        plugins=[offramp_plugin()],
    )
    async with environment:
        yield environment

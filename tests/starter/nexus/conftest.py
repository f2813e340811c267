"""A support system that calls the service of the shared world, neither of them with keys."""

from collections.abc import AsyncIterator

import pytest

from runtime.payload_keys import PayloadKeys
from tests.starter.nexus.support_system import SupportSystem, service_for, support_system
from tests.support.world import World
from tests.workflows.conftest import idle_world, shared_world, world

__all__ = ["idle_world", "shared_world", "world"]


@pytest.fixture
async def caller(world: World) -> AsyncIterator[SupportSystem]:
    async with (
        service_for(world, callers=PayloadKeys()) as endpoint,
        support_system(world.environment.client, endpoint, PayloadKeys()) as calling,
    ):
        yield calling

"""The pages, asked as a browser asks, in a world with data."""

from collections.abc import AsyncIterator

import httpx
import pytest

from starter.pages.app import create_pages
from tests.support.migrations import Migrations, on_site
from tests.support.world import LINKS, World
from tests.workflows.conftest import data_world, shared_data_world

__all__ = ["browser", "data_world", "shared_data_world"]


@pytest.fixture
def site(data_world: World) -> Migrations:
    return on_site(data_world)


@pytest.fixture
async def browser(data_world: World) -> AsyncIterator[httpx.AsyncClient]:
    app = create_pages(data_world.behind_pages, LINKS)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://offramp.example") as client:
        yield client

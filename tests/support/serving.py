"""Web applications that a server serves while a test runs: some clients need a connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from starter.web.connections import server_options
from tests.support.outcomes import eventually


@asynccontextmanager
async def served_on(app: ASGIApp, port: int) -> AsyncIterator[str]:
    """Serve an application on a port of this machine; its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, lifespan="off", **server_options()))
    serving = asyncio.create_task(server.serve())

    async def has_started() -> bool:
        return server.started

    await eventually(has_started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = server.force_exit = True
    await serving

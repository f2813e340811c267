"""The clients, which ask an API that a server serves, in a world with a worker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from domain.principals import Role
from offramp_client import AsyncClient, Client
from tests.starter.api.conftest import issuer, served, shared_world, verifier, world
from tests.starter.conftest import no_time_passes
from tests.support.issuer import Issuer

__all__ = ["issuer", "no_time_passes", "served", "shared_world", "verifier", "world"]

Ask = Callable[[Callable[[Any], Any]], Awaitable[Any]]
"""Asks one of the two clients: given what to ask of a client, it returns the answer."""


class Asking:
    """Makes clients of one of the two kinds for principals, and asks them without blocking the server that answers."""

    def __init__(self, issuer: Issuer, *, is_async: bool) -> None:
        self._issuer = issuer
        self._is_async = is_async
        self._clients: list[Any] = []

    def by(self, url: str, *roles: Role, subject: str = "agent-7", **options: Any) -> Ask:
        """A principal's way to ask, at some address."""
        token = self._issuer.token(sub=subject, roles=[role.value for role in roles])
        client: Any = (AsyncClient if self._is_async else Client)(url, token, **options)
        self._clients.append(client)

        async def ask(what: Callable[[Any], Any]) -> Any:
            return await (what(client) if self._is_async else asyncio.to_thread(what, client))

        return ask

    async def close(self) -> None:
        for client in self._clients:
            closed = client.close()
            if self._is_async:
                await closed


@pytest_asyncio.fixture(params=["sync", "async"])
async def asking(request: pytest.FixtureRequest, issuer: Issuer) -> AsyncIterator[Asking]:
    made = Asking(issuer, is_async=request.param == "async")
    yield made
    await made.close()

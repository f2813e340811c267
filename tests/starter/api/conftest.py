"""The API, asked as a support system asks, in a world with a worker."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from domain.principals import Role
from starter.access.keys import FileKeys
from starter.access.tokens import TokenVerifier
from starter.api.app import create_api
from tests.support.issuer import AUDIENCE, Issuer
from tests.support.ports import free_port
from tests.support.serving import served_on
from tests.support.world import World
from tests.workflows.conftest import shared_world, world

__all__ = ["shared_world", "world"]

Calls = Callable[..., httpx.AsyncClient]


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="session")
def verifier(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> TokenVerifier:
    file: Path = tmp_path_factory.mktemp("issuer") / "keys.json"
    file.write_text(issuer.key_set_text)
    return TokenVerifier(issuer=issuer.issuer, audience=AUDIENCE, keys=FileKeys(issuer.issuer, str(file)))


@pytest.fixture
async def calls(world: World, issuer: Issuer, verifier: TokenVerifier) -> AsyncIterator[Calls]:
    """A function that returns a client for a principal with some roles."""
    transport = httpx.ASGITransport(create_api(world.offramp, verifier), raise_app_exceptions=False)
    clients: list[httpx.AsyncClient] = []

    def client(*roles: Role, subject: str = "agent-7", organizations: list[str] | None = None) -> httpx.AsyncClient:
        token = issuer.token(sub=subject, roles=[role.value for role in roles], organizations=organizations)
        headers = {"authorization": f"Bearer {token}"}
        clients.append(httpx.AsyncClient(transport=transport, base_url="https://api.example/v1", headers=headers))
        return clients[-1]

    yield client
    for each in clients:
        await each.aclose()


@pytest.fixture
async def served(world: World, verifier: TokenVerifier) -> AsyncIterator[str]:
    """The address of an API that a server serves: some clients need a connection."""
    async with served_on(create_api(world.offramp, verifier), free_port()) as address:
        yield address

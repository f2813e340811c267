"""The console, used as people use it, in a world with a worker."""

import time
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from cryptography.fernet import Fernet
from fastapi import Response
from pydantic import SecretStr
from starlette.types import ASGIApp

from domain.principals import Principal, Role
from starter.access.settings import AccessSettings
from starter.console.app import create_console
from starter.console.sessions import Cookies
from starter.console.settings import ConsoleSettings
from starter.service import Offramp
from tests.support.issuer import Issuer
from tests.support.world import World
from tests.workflows.conftest import data_world, shared_data_world, shared_world, world
from tests.workflows.migration.conftest import migrations, shared_migrations

__all__ = ["data_world", "migrations", "shared_data_world", "shared_migrations", "shared_world", "world"]

URL = "https://console.example"
KEY = Fernet.generate_key()

Browsers = Callable[..., httpx.AsyncClient]


def settings(url: str = URL, **others: str) -> ConsoleSettings:
    return ConsoleSettings.model_validate(
        {
            "console_url": url,
            "console_session_keys": SecretStr(KEY.decode()),
            "temporal_ui_url": "https://temporal.example",
            **others,
        }
    )


@pytest.fixture(scope="session")
def access(tmp_path_factory: pytest.TempPathFactory) -> AccessSettings:
    file = tmp_path_factory.mktemp("issuer") / "keys.json"
    issuer = Issuer()
    file.write_text(issuer.key_set_text)
    return AccessSettings(issuer=issuer.issuer, keys=str(file))


def session_cookie(principal: Principal, *, url: str = URL, lasts: int = 600, key: bytes = KEY) -> dict[str, str]:
    """The cookie of somebody who has signed in."""
    answer = Response()
    Cookies([Fernet(key)], secure=url.startswith("https:")).begin(answer, principal, int(time.time()) + lasts)
    name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    return {name: value}


def signed_in(app: ASGIApp, principal: Principal) -> httpx.AsyncClient:
    """A browser in which somebody has signed in."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=URL, cookies=session_cookie(principal))


@pytest.fixture
async def browsers(world: World, access: AccessSettings) -> AsyncIterator[Browsers]:
    """A function that returns a browser of a person with some roles."""
    opened: list[httpx.AsyncClient] = []

    def browser(
        *roles: Role, subject: str = "agent-7", organizations: list[str] | None = None, service: Offramp | None = None
    ) -> httpx.AsyncClient:
        only = None if organizations is None else frozenset(organizations)
        person = Principal(subject=subject, roles=frozenset(roles), organizations=only)
        app = create_console(service or world.offramp, settings(), access)
        opened.append(signed_in(app, person))
        return opened[-1]

    yield browser
    for each in opened:
        await each.aclose()

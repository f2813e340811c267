"""A real browser for the console, in which nothing fails and nothing is refused by the policy of its pages."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from typing import Any

import pytest
import pytest_asyncio

from domain.principals import Principal, Role
from starter.access.settings import AccessSettings
from starter.console.app import create_console
from tests.starter.console.conftest import session_cookie, settings
from tests.support.ports import free_port
from tests.support.serving import served_on
from tests.support.world import AGENT, World

CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)

NEEDED = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here; install one: apt-get install chromium-headless-shell"
)
Visits = Callable[..., Awaitable[Any]]


@pytest_asyncio.fixture(scope="session")
async def chromium() -> AsyncIterator[Any]:
    """One browser for all tests."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 - it takes a second

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def address(world: World, access: AccessSettings) -> AsyncIterator[str]:
    """The address of a console that a server serves."""
    port = free_port()
    app = create_console(world.offramp, settings(f"http://127.0.0.1:{port}"), access)
    async with served_on(app, port) as address:
        yield address


@pytest.fixture
async def visits(chromium: Any, address: str) -> AsyncIterator[Visits]:
    """A function that returns the window of a person at a page; nothing in it fails, and nothing is refused by its policy."""
    contexts, faults = [], []

    async def visit(
        path: str, *roles: Role, subject: str = AGENT, organizations: list[str] | None = None, **how: Any
    ) -> Any:
        context = await chromium.new_context(**how)
        contexts.append(context)
        only = None if organizations is None else frozenset(organizations)
        person = Principal(subject=subject, roles=frozenset(roles), organizations=only)
        cookies = session_cookie(person, url=address)
        await context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
        await page.goto(f"{address}{path}")
        return page

    yield visit
    for context in contexts:
        await context.close()
    assert faults == []


async def violations(page: Any) -> list[str]:
    """What axe finds on a page."""
    await page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = await page.evaluate("axe.run()")
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]


async def is_watching(page: Any) -> None:
    await page.wait_for_selector("body[data-watched]")

"""Strangers at the pages: slow clients, clients that do not read, nonsense, floods; other people are answered meanwhile."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import httpx
import pytest
import uvicorn

from starter.pages.app import create_pages
from starter.web.connections import SECURITY_HEADERS, LimitedConnection, OnceAMinute, server_options
from tests.support.outcomes import eventually
from tests.support.ports import free_port
from tests.support.world import LINKS

HOST = "127.0.0.1"
LARGE = 64 << 20


class Few(LimitedConnection):
    """The same with limits that a test reaches."""

    most = 20
    _waiting: ClassVar[dict[LimitedConnection, None]] = {}


class Hasty(LimitedConnection):
    request_seconds = 0.2
    answer_seconds = 0.2
    _waiting: ClassVar[dict[LimitedConnection, None]] = {}


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers `/large` with more than any buffer holds."""
    if scope["type"] != "http":
        return
    large = scope["path"] == "/large"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"x" * LARGE if large else b"ok"})


@asynccontextmanager
async def served(connection: type[LimitedConnection], app: Any = application) -> AsyncIterator[uvicorn.Server]:
    options = {**server_options(), "http": connection}
    server = uvicorn.Server(uvicorn.Config(app, HOST, free_port(), lifespan="off", **options))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: _is(server.started))
    yield server
    server.should_exit = server.force_exit = True
    await serving


async def _is(condition: bool) -> bool:
    return condition


def port(server: uvicorn.Server) -> int:
    return int(server.config.port)


async def half_a_request(server: uvicorn.Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(HOST, port(server))
    writer.write(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ")
    await writer.drain()
    return reader, writer


async def ended(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


async def test_three_hundred_slow_clients_keep_nobody_from_being_answered() -> None:
    async with served(Few) as server, httpx.AsyncClient(base_url=f"http://{HOST}:{port(server)}") as client:
        slow = []
        for number in range(300):
            slow.append(await half_a_request(server))
            if number % 50 == 49:
                assert (await client.get("/", headers={"connection": "close"})).text == "ok"
        await eventually(lambda: _is(len(server.server_state.connections) <= Few.most))
        assert (await client.get("/")).text == "ok"
        first = await asyncio.gather(*(ended(reader) for reader, _ in slow[:250]))
        assert all(first), "the longest waiting had to go"
        for _, writer in slow:
            writer.close()


async def test_a_request_that_does_not_come_to_an_end_is_not_waited_for() -> None:
    async with served(Hasty) as server:
        silent, first = await asyncio.open_connection(HOST, port(server))
        partial, second = await half_a_request(server)
        body, writer = await asyncio.open_connection(HOST, port(server))
        writer.write(b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: 1000\r\n\r\nsome")
        assert await ended(silent)
        assert await ended(partial)
        await asyncio.wait_for(body.read(), 30)
        await eventually(lambda: _is(not server.server_state.connections))
        for each in (first, second, writer):
            each.close()


async def test_a_client_that_does_not_read_its_answer_is_not_waited_for() -> None:
    async with served(Hasty) as server:
        _, writer = await asyncio.open_connection(HOST, port(server), limit=1)
        writer.write(b"GET /large HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        await eventually(lambda: _is(bool(server.server_state.connections)))
        await eventually(lambda: _is(not server.server_state.connections))
        writer.close()


async def test_what_is_not_http_is_refused_with_the_headers_of_every_answer() -> None:
    async with served(LimitedConnection) as server:
        reader, writer = await asyncio.open_connection(HOST, port(server))
        writer.write(b"\x16\x03\x01 nonsense\r\n\r\n")
        answer = (await reader.read()).decode()
        writer.close()
    assert answer.startswith("HTTP/1.1 400 ")
    assert all(f"{name}: {value}".casefold() in answer.casefold() for name, value in SECURITY_HEADERS.items())


def test_a_flood_of_nonsense_is_logged_once_a_minute_with_its_number() -> None:
    flood = OnceAMinute(seconds=60)
    hasty = OnceAMinute(seconds=0)

    def record() -> logging.LogRecord:
        return logging.LogRecord("uvicorn.error", logging.WARNING, "", 0, "Invalid HTTP request received.", (), None)

    assert [flood.filter(record()) for _ in range(1_000)].count(True) == 1
    assert flood.filter(logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, "something else", (), None))
    hasty._left_out["Invalid HTTP request received."] = 7
    said = record()
    assert hasty.filter(said)
    assert said.getMessage() == "Invalid HTTP request received. (and 7 times since the last)"


@pytest.mark.parametrize(
    ("method", "path", "host", "status"),
    [
        ("GET", "/health", "offramp.example", 200),
        ("GET", "/health", "127.0.0.1", 200),
        ("GET", "/health", "evil.example", 400),
        ("GET", "/style.css", "offramp.example", 200),
        ("GET", "/nowhere", "offramp.example", 404),
        ("GET", "/health/", "offramp.example", 404),
        ("DELETE", "/health", "offramp.example", 404),
        ("GET", "/links/forged", "offramp.example", None),
    ],
)
async def test_every_answer_has_the_headers_that_keep_a_page_to_itself(
    method: str, path: str, host: str, status: int | None
) -> None:
    class Nothing:
        """A service whose every area is missing: these addresses ask nothing of it."""

        has_files = False
        cancellations = None

    app = create_pages(Nothing(), LINKS)  # type: ignore[arg-type]
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"https://{host}") as client:
        answer = await client.request(method, path)
    assert status is None or answer.status_code == status
    assert "location" not in answer.headers
    for name, value in SECURITY_HEADERS.items():
        if name != "cache-control" or path != "/style.css":
            assert answer.headers[name] == value, name

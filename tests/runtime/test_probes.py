"""The probes of a process, asked as a platform asks: each by a connection of its own."""

import asyncio
import http.client
import json
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from runtime import probes as module
from runtime.probes import HealthAddressUnusable, probes
from tests.support.ports import free_ports


async def holds() -> bool:
    return True


async def hangs() -> bool:
    return await asyncio.Future()


@pytest.fixture
def address() -> str:
    (port,) = free_ports(1)
    return f"127.0.0.1:{port}"


async def asked(address: str, path: str) -> tuple[int, object]:
    def ask() -> tuple[int, object]:
        connection = http.client.HTTPConnection(address, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        found = answer.status, json.loads(answer.read())
        connection.close()
        return found

    return await asyncio.to_thread(ask)


async def test_a_process_is_ready_while_every_check_holds_and_it_is_not_told_to_stop(address: str) -> None:
    stopping = asyncio.Event()
    async with probes(address, {"database": holds, "temporal": holds}, stopping):
        assert await asked(address, "/health") == (200, {})
        assert await asked(address, "/ready") == (200, {"database": True, "temporal": True, "running": True})
        stopping.set()
        assert await asked(address, "/ready") == (503, {"database": True, "temporal": True, "running": False})
        assert await asked(address, "/health") == (200, {})
        assert (await asked(address, "/metrics"))[0] == 404


async def test_a_part_that_does_not_answer_is_named_and_costs_the_life_of_nothing(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WITHIN_SECONDS", 0.2)
    async with probes(address, {"database": hangs, "temporal": holds}, asyncio.Event()):
        assert await asked(address, "/ready") == (503, {"database": False, "temporal": True, "running": True})
        assert await asked(address, "/health") == (200, {})


async def test_many_who_ask_at_once_have_one_answer(address: str) -> None:
    calls = 0

    async def counts() -> bool:
        nonlocal calls
        calls += 1
        return True

    async with probes(address, {"temporal": counts}, asyncio.Event()):
        assert {status for status, _ in await asyncio.gather(*(asked(address, "/ready") for _ in range(20)))} == {200}
    assert calls == 1


@pytest.mark.parametrize("said", [b"GET /ready", b"nonsense\r\n\r\n", b"x" * 20_000, b""])
async def test_who_speaks_no_http_is_let_go_and_keeps_nobody_else_out(
    address: str, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WITHIN_SECONDS", 0.2)
    host, _, port = address.rpartition(":")
    async with probes(address, {}, asyncio.Event()):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(said)
        assert (await asked(address, "/health"))[0] == 200
        answer = await until_it_ends(reader.read)
        assert not answer or answer.startswith(b"HTTP/1.1 404")
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def until_it_ends(read: Callable[[], Awaitable[bytes]]) -> bytes:
    try:
        return await read()
    except ConnectionError:
        return b""


async def test_an_address_that_somebody_else_has_is_refused_by_its_name(address: str) -> None:
    host, _, port = address.rpartition(":")
    with socket.create_server((host, int(port))), pytest.raises(HealthAddressUnusable, match=address):
        async with probes(address, {}, asyncio.Event()):
            pass


async def test_without_an_address_nobody_listens() -> None:
    async with probes(None, {}, asyncio.Event()):
        pass


async def test_many_connections_at_once_take_no_more_than_their_share(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_AT_ONCE", 2)
    host, _, port = address.rpartition(":")
    async with probes(address, {}, asyncio.Event()):
        held = [await asyncio.open_connection(host, int(port)) for _ in range(2)]
        reader, writer = await asyncio.open_connection(host, int(port))
        assert await reader.read() == b"", "one more is ended at once"
        writer.close()
        await writer.wait_closed()
        for _, one in held:
            one.close()
            await one.wait_closed()
        async with asyncio.timeout(10):
            while True:
                try:
                    assert await asked(address, "/health") == (200, {})
                    break
                except http.client.RemoteDisconnected:
                    await asyncio.sleep(0)

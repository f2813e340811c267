"""The proxy of a fault run: it forwards, ends connections, refuses them, and lets them hang."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starter.local import HOST
from tests.faults.proxy import Proxy
from tests.support.ports import free_ports


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes) -> bytes:
    """The answer to a line; nothing, if the connection has ended."""
    writer.write(line)
    try:
        return await reader.readline()
    except ConnectionError:
        return b""


async def test_a_part_is_reached_through_its_proxy_except_while_that_cuts_it_off() -> None:
    port, behind = free_ports(2)
    proxy = Proxy(port, behind)
    async with await asyncio.start_server(echo, HOST, behind), proxy.listening():
        async with connected(port) as connection:
            assert await said(*connection, b"one\n") == b"one\n"
            assert proxy.drop() == 1
            assert await said(*connection, b"two\n") == b""
        async with proxy.refusing(), connected(port) as connection:
            assert await said(*connection, b"three\n") == b""
        async with connected(port) as connection:
            assert await said(*connection, b"four\n") == b"four\n"
            async with proxy.hanging():
                answer = asyncio.create_task(said(*connection, b"five\n"))
                done, _ = await asyncio.wait({answer}, timeout=0.2)
                assert not done
            assert await answer == b"five\n"

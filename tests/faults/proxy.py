"""A TCP proxy before a part, which cuts it off: it drops what is connected, refuses, or lets connections hang."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starter.local import HOST

CHUNK = 65536


class Proxy:
    """The only way by which the service and its callers reach a part."""

    def __init__(self, port: int, behind: int) -> None:
        self._port = port
        self._behind = behind
        self._connections: set[asyncio.StreamWriter] = set()
        self._refuses = False
        self._flows = asyncio.Event()
        self._flows.set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Forward connections."""
        server = await asyncio.start_server(self._forward, HOST, self._port, limit=CHUNK)
        try:
            yield
        finally:
            self._flows.set()
            server.close()
            self.drop()

    def drop(self) -> int:
        """End every connection without a word; return how many there were."""
        connections = [writer for writer in self._connections if not writer.is_closing()]
        for writer in connections:
            writer.transport.abort()
        return len(connections) // 2

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[int]:
        """End every connection, and every new one at once."""
        self._refuses = True
        try:
            yield self.drop()
        finally:
            self._refuses = False

    @asynccontextmanager
    async def hanging(self) -> AsyncIterator[int]:
        """Let connections hang: they are open, and nothing comes through."""
        self._flows.clear()
        try:
            yield len(self._connections) // 2
        finally:
            self._flows.set()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        await self._flows.wait()
        try:
            behind_reader, behind = await asyncio.open_connection(HOST, self._behind, limit=CHUNK)
        except OSError:
            writer.transport.abort()
            return
        self._connections |= {writer, behind}
        try:
            await asyncio.gather(self._pump(reader, behind), self._pump(behind_reader, writer))
        finally:
            self._connections -= {writer, behind}
            for end in (writer, behind):
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Copy one direction until its sender ends it, or the connection is gone."""
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                await self._flows.wait()
                writer.write(chunk)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
            return
        writer.transport.abort()

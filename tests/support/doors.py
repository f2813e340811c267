"""A way to a server that a test can shut: for good, or in the middle of what passes through."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from threading import Thread
from typing import Any, Self
from urllib.parse import urlsplit

from starter.local import HOST
from tests.support.ports import free_port


class Door:
    """Passes on what is sent to ``port``, to a server and back; in a thread, so that blocking calls may go through."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url).port
        self.port = free_port()
        self.url = url.replace(f":{self._target}", f":{self.port}", 1)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.StreamWriter] = set()
        self._entered: set[asyncio.Task[None] | None] = set()
        self._shut_after: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()
        self._do(self._over())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def open(self) -> None:
        """Let everything through."""
        self._shut_after.clear()
        self._do(self._open())

    def shut(self) -> None:
        """Break every connection off, and refuse new ones."""
        self._do(self._shut())

    def shut_after(self, bytes_: int, direction: str) -> None:
        """Shut by itself when so many bytes more have passed: ``in`` to the server or ``out`` of it."""
        self._shut_after[direction] = bytes_

    @property
    def is_open(self) -> bool:
        """Whether it lets through."""
        return self._server is not None

    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(60)

    async def _open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._enter, HOST, self.port)

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._passing:
            writer.transport.abort()

    async def _over(self) -> None:
        """Wait until whoever has entered has left: what is still open when the loop ends would warn in another test."""
        await asyncio.gather(*(entered for entered in self._entered if entered), return_exceptions=True)

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        entered = asyncio.current_task()
        self._entered.add(entered)
        self._passing.add(writer)
        try:
            server_reader, server_writer = await asyncio.open_connection(HOST, self._target)
            self._passing.add(server_writer)
            if not self.is_open:
                server_writer.transport.abort()
            await asyncio.gather(
                self._pass_on(reader, server_writer, "in"), self._pass_on(server_reader, writer, "out")
            )
            self._passing.discard(server_writer)
        finally:
            writer.close()
            self._passing.discard(writer)
            self._entered.discard(entered)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str) -> None:
        with suppress(ConnectionError):
            while passing := await reader.read(1 << 16):
                if direction in self._shut_after:
                    self._shut_after[direction] -= len(passing)
                    if self._shut_after[direction] < 0:
                        await self._shut()
                        return
                writer.write(passing)
                await writer.drain()
        with suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

"""The probes of a process that answers nobody otherwise: ``/health`` and ``/ready`` by HTTP, for the platform that runs it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing, suppress
from http import HTTPStatus

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from temporalio.service import RPCError

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from runtime.addresses import HOST_AND_PORT

Check = Callable[[], Awaitable[bool]]

WITHIN_SECONDS = 4.0
"""The longest wait for a part, or for a request; what does not answer by then counts as away."""
KEPT_SECONDS = 5.0
"""The time for which an answer counts, however often it is asked for."""

_LONGEST_REQUEST = 8 * 1024
_MOST_AT_ONCE = 50
"""The number of connections at a time: probes are few, and what floods them is not to take the files of the process."""


class HealthAddressUnusable(Refusal):
    """An address for probes at which this process cannot listen."""

    code = "health_address_unusable"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"Probes cannot be answered at {address}: {reason}.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE,
                variable="OFFRAMP_HEALTH_ADDRESS",
                expected="a free host:port of this machine, or to nothing",
            ),
            address=address,
        )


class ProbeSettings(BaseSettings):
    """The address where probes are answered: ``OFFRAMP_HEALTH_ADDRESS``, such as ``127.0.0.1:9465``; empty for nowhere."""

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", env_ignore_empty=True)

    health_address: str | None = Field(default=None, pattern=HOST_AND_PORT)


@asynccontextmanager
async def probes(address: str | None, checks: Mapping[str, Check], stopping: asyncio.Event) -> AsyncIterator[None]:
    """Answer probes for as long as the context lasts; nowhere, if there is no address.

    ``/health`` answers 200 where the event loop runs. ``/ready`` answers 200 where every check holds and the process is not
    stopping, and 503 otherwise; it names the check that does not hold.

    Raises HealthAddressUnusable.
    """
    if address is None:
        yield
        return
    host, _, port = address.rpartition(":")
    connections = _Connections(_Readiness(checks, stopping))
    try:
        server = await asyncio.start_server(connections.answer, host.strip("[]"), int(port), limit=_LONGEST_REQUEST)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise HealthAddressUnusable(address, reason) from None
    async with server:
        yield


class _Readiness:
    def __init__(self, checks: Mapping[str, Check], stopping: asyncio.Event) -> None:
        self._checks = checks
        self._stopping = stopping
        self._asking = asyncio.Lock()
        self._found: Mapping[str, bool] = {}
        self._found_at = float("-inf")

    async def check(self) -> Mapping[str, bool]:
        """Return what holds, by its name. Those who ask at the same time, or soon after, have one answer."""
        async with self._asking:
            if time.monotonic() - self._found_at > KEPT_SECONDS:
                held = await asyncio.gather(*map(_holds, self._checks.values()))
                self._found = dict(zip(self._checks, held, strict=True))
                self._found_at = time.monotonic()
        return {**self._found, "running": not self._stopping.is_set()}


async def _holds(check: Check) -> bool:
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            return await check()
    except (RPCError, TimeoutError):
        return False


class _Connections:
    """The connections: each carries one request, which has no body."""

    def __init__(self, readiness: _Readiness) -> None:
        self._readiness = readiness
        self._open = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the request, if it arrives in time and is one; of too many at once none."""
        if self._open >= _MOST_AT_ONCE:
            writer.close()
            return
        self._open += 1
        try:
            await self._answer(reader, writer)
        finally:
            self._open -= 1

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(WITHIN_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            status, body = await self._answer_to(head.split(b"\r\n", 1)[0].split(b" "))
            writer.write(
                f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: application/json\r\ncache-control: no-store\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode("ascii")
            )
            async with asyncio.timeout(WITHIN_SECONDS):
                await writer.drain()

    async def _answer_to(self, line: list[bytes]) -> tuple[HTTPStatus, str]:
        match line:
            case [b"GET", b"/health", _]:
                return HTTPStatus.OK, "{}"
            case [b"GET", b"/ready", _]:
                found = await self._readiness.check()
                return HTTPStatus.OK if all(found.values()) else HTTPStatus.SERVICE_UNAVAILABLE, json.dumps(found)
            case _:
                return HTTPStatus.NOT_FOUND, "{}"

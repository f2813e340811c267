"""The client for callers that await."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from offramp_client.addresses import AsyncToken, checked, no_cookies
from offramp_client.attempts import LONGEST_ATTEMPT, Attempts
from offramp_client.calls import Call
from offramp_client.events import READ_WITHIN, EventReader, StreamEvent
from offramp_client.generated.async_areas import Areas

T = TypeVar("T")


class AsyncClient(Areas):
    """The service, for whoever has a token. It belongs to one event loop.

    Every request that changes something has a key, `request_id`, under which it is done once however often it is sent; sent again
    it is by the client itself, where the way was interrupted or the service was busy.

    Args:
        url: the address of the API, without `/v1`.
        token: a bearer token, or a function, which may be a coroutine function, that returns one.
        patience: the seconds after which a call is not sent again.
        transport: how requests are carried; over the network, if not given.

    Raises:
        ValueError: the address has no TLS, and is not of this machine.

    """

    def __init__(
        self, url: str, token: AsyncToken, *, patience: float = 120.0, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        super().__init__(self)
        self._token = token
        self._patience = patience
        self._http = httpx.AsyncClient(
            base_url=checked(url), timeout=LONGEST_ATTEMPT, transport=transport, cookies=no_cookies()
        )

    async def __aenter__(self) -> Self:
        """Return the client, which is closed at the end of the block."""
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """Close the client."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def call(self, call: Call[T]) -> T:
        """Return the answer to a call.

        Raises:
            Refused, Unreachable, UnexpectedAnswer.

        """
        attempts = Attempts(self._patience, call.request_id)
        while True:
            try:
                response = await self._http.request(
                    call.method,
                    call.path,
                    params=call.parameters,
                    json=call.json,
                    content=call.content,
                    headers=call.headers | await self._authorization(),
                    timeout=attempts.timeout,
                )
            except httpx.TransportError as error:
                pause: float | None = attempts.pause_after_error(error)
            else:
                pause = attempts.pause_after(response)
                if pause is None:
                    return call.read(response)
            await asyncio.sleep(pause or 0)

    async def follow(self, call: Call[Any], *, after: str | None = None) -> AsyncIterator[StreamEvent]:
        """Yield the events of a stream for as long as they are asked for; it is resumed whenever it breaks off.

        Raises:
            Refused, Unreachable, UnexpectedAnswer.

        """
        reader = EventReader(after)
        attempts = Attempts(self._patience)
        while True:
            pause: float | None = reader.retry
            try:
                async with self._http.stream(
                    call.method,
                    call.path,
                    params=call.parameters,
                    headers=reader.headers | await self._authorization(),
                    timeout=READ_WITHIN,
                ) as response:
                    if response.is_success:
                        reader.begin()
                        async for line in response.aiter_lines():
                            attempts = Attempts(self._patience)
                            if event := reader.read(line):
                                yield event
                    else:
                        await response.aread()
                        pause = attempts.pause_after(response)
                        if pause is None:
                            call.read(response)
            except httpx.TransportError as error:
                pause = attempts.pause_after_error(error)
            await asyncio.sleep(pause or 0)

    async def _authorization(self) -> dict[str, str]:
        token = self._token if isinstance(self._token, str) else self._token()
        if inspect.isawaitable(token):
            token = await token
        return {"authorization": f"Bearer {token}"}

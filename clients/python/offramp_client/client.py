"""The client for callers that wait."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from offramp_client.addresses import Token, checked, no_cookies
from offramp_client.attempts import LONGEST_ATTEMPT, Attempts
from offramp_client.calls import Call
from offramp_client.events import READ_WITHIN, EventReader, StreamEvent
from offramp_client.generated.areas import Areas

T = TypeVar("T")


class Client(Areas):
    """The service, for whoever has a token. It may be shared by threads.

    Every request that changes something has a key, `request_id`, under which it is done once however often it is sent; sent again
    it is by the client itself, where the way was interrupted or the service was busy.

    Args:
        url: the address of the API, without `/v1`.
        token: a bearer token, or a function that returns one.
        patience: the seconds after which a call is not sent again.
        transport: how requests are carried; over the network, if not given.

    Raises:
        ValueError: the address has no TLS, and is not of this machine.

    """

    def __init__(
        self, url: str, token: Token, *, patience: float = 120.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        super().__init__(self)
        self._token = token
        self._patience = patience
        self._http = httpx.Client(
            base_url=checked(url), timeout=LONGEST_ATTEMPT, transport=transport, cookies=no_cookies()
        )

    def __enter__(self) -> Self:
        """Return the client, which is closed at the end of the block."""
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        """Close the client."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(self, call: Call[T]) -> T:
        """Return the answer to a call.

        Raises:
            Refused, Unreachable, UnexpectedAnswer.

        """
        attempts = Attempts(self._patience, call.request_id)
        while True:
            try:
                response = self._http.request(
                    call.method,
                    call.path,
                    params=call.parameters,
                    json=call.json,
                    content=call.content,
                    headers=call.headers | self._authorization(),
                    timeout=attempts.timeout,
                )
            except httpx.TransportError as error:
                pause: float | None = attempts.pause_after_error(error)
            else:
                pause = attempts.pause_after(response)
                if pause is None:
                    return call.read(response)
            time.sleep(pause or 0)

    def follow(self, call: Call[Any], *, after: str | None = None) -> Iterator[StreamEvent]:
        """Yield the events of a stream for as long as they are asked for; it is resumed whenever it breaks off.

        Raises:
            Refused, Unreachable, UnexpectedAnswer.

        """
        reader = EventReader(after)
        attempts = Attempts(self._patience)
        while True:
            pause: float | None = reader.retry
            try:
                with self._http.stream(
                    call.method,
                    call.path,
                    params=call.parameters,
                    headers=reader.headers | self._authorization(),
                    timeout=READ_WITHIN,
                ) as response:
                    if response.is_success:
                        reader.begin()
                        for line in response.iter_lines():
                            attempts = Attempts(self._patience)
                            if event := reader.read(line):
                                yield event
                    else:
                        response.read()
                        pause = attempts.pause_after(response)
                        if pause is None:
                            call.read(response)
            except httpx.TransportError as error:
                pause = attempts.pause_after_error(error)
            time.sleep(pause or 0)

    def _authorization(self) -> dict[str, str]:
        token = self._token if isinstance(self._token, str) else self._token()
        return {"authorization": f"Bearer {token}"}

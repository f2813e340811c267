"""The HTTP client of deliveries: a request has one deadline, however slowly its receiver answers."""

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import httpx
from anyio import fail_after, getaddrinfo
from anyio.from_thread import start_blocking_portal

from domain.network import is_forbidden
from runtime.cookies import no_cookies


class AddressForbidden(Exception):  # noqa: N818 - a reason, like those of `activities.messaging.delivery`
    """A host whose address is one to which nothing is sent (`domain.network`)."""


class HttpClient:
    """Requests from any number of threads at once, over shared connections.

    A time limit of a socket is one for each read: a receiver that sends a byte now and then would never exceed it. So the
    requests run in an event loop of the client's own, which ends them as a whole. Receivers share nothing but that: no cookie of
    one goes to another one.
    """

    def __init__(self) -> None:
        self._parts = ExitStack()

    def __enter__(self) -> Self:
        """Open the client."""
        self._portal = self._parts.enter_context(start_blocking_portal())
        self._client = self._parts.enter_context(
            self._portal.wrap_async_context_manager(
                httpx.AsyncClient(timeout=None, cookies=no_cookies())  # noqa: S113 - `_post` has the limit
            )
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._parts.__exit__(kind, error, trace)

    def post(self, url: httpx.URL, *, content: str, headers: Mapping[str, str], within_seconds: float) -> int:
        """Send a request, and return the status of the answer, whose body is not read: it may be of any length.

        Redirections are not followed.

        Raises:
            AddressForbidden: the host's name stands for an address to which nothing is sent.
            TimeoutError: there is no answer within the time, connecting included.
            httpx.TransportError: the receiver cannot be reached, or broke off the connection.

        """
        return self._portal.call(self._post, url, content, headers, within_seconds)

    async def _post(self, url: httpx.URL, content: str, headers: Mapping[str, str], seconds: float) -> int:
        with fail_after(seconds):
            looking = {"trace": _look_at_address}
            async with self._client.stream(
                "POST", url, content=content, headers=headers, extensions=looking
            ) as response:
                return response.status_code


async def _look_at_address(event: str, info: dict[str, Any]) -> None:
    """Look where each new connection leads: before it is made, and again where it has led, since a name may have changed between.

    Raises AddressForbidden. (https://www.encode.io/httpcore/extensions/#trace)
    """
    if event == "connection.connect_tcp.started":
        try:
            found = await getaddrinfo(info["host"], info["port"])
        except OSError:
            return  # connecting says so as well
        if any(is_forbidden(str(address[0])) for *_, address in found):
            raise AddressForbidden
    if event == "connection.connect_tcp.complete":
        connection = info["return_value"]
        if is_forbidden(str(connection.get_extra_info("server_addr")[0])):
            await connection.aclose()
            raise AddressForbidden

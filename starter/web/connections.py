"""The connections of the pages: few enough for the process, and none for longer than a browser needs.

A client that sends its request a byte at a time, or does not read its answer, costs a connection as long as it likes. Here a
whole request must arrive within seconds, an answer must be read, and where all places are taken, a newcomer gets the place
of the connection that has waited longest for the rest of its request.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import h11
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 10.0
"""The time from the connection, or the answer before, to the last byte of a request."""
STREAM_SECONDS = 930.0
"""The time for a stream of events, which ends by itself sooner."""
STREAMS = "/events"
"""The end of the paths of streams."""
ANSWER_SECONDS = 90.0
"""The time to answer: more than the service waits for anything, so that only a client that does not read exceeds it."""
MOST_CONNECTIONS = 400
_RECEIVED = (h11.DONE, h11.MUST_CLOSE)
_ANSWERING = (h11.SEND_RESPONSE, h11.SEND_BODY)
SECURITY_HEADERS: Mapping[str, str] = {
    # No scripts, no frames, nothing from elsewhere; and the link, which is a key, goes nowhere.
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
"""The headers of every answer, whoever gives it."""


def with_security_headers(app: ASGIApp, others: Mapping[str, str] | None = None) -> ASGIApp:
    """Give every answer the headers that keep a page to itself, refusals of a host and faults included.

    ``others`` take the place of those that are for pages without scripts, and behind links that are keys.
    """
    own = {**SECURITY_HEADERS, **(others or {})}

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in own.items():
                    headers.setdefault(name, value)
            await send(message)

        await app(scope, receive, send_with_headers)

    return guarded


class LimitedConnection(H11Protocol):
    """A connection with an end."""

    most: ClassVar[int] = MOST_CONNECTIONS
    request_seconds: ClassVar[float] = REQUEST_SECONDS
    answer_seconds: ClassVar[float] = ANSWER_SECONDS
    _waiting: ClassVar[dict["LimitedConnection", None]] = {}
    """The connections whose request is not complete, the oldest first."""

    _end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place; where there is none, the oldest connection without a request gives up its own."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            (next(iter(self._waiting), self)).transport.abort()
        if not transport.is_closing():
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; with the last byte of a request its time is over, and that of the answer begins."""
        super().data_received(data)
        if self.conn.their_state in _RECEIVED and self.conn.our_state in _ANSWERING:
            self._stop_waiting()
            is_stream = self.scope["path"].endswith(STREAMS)
            seconds = STREAM_SECONDS if is_stream else self.answer_seconds
            self._end = self.loop.call_later(seconds, self.transport.abort)

    def on_response_complete(self) -> None:
        """Wait for the next request; a client that has not read the answer by then is not waited for."""
        super().on_response_complete()
        self._await_request()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, with the headers of every answer."""
        headers = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
        headers += [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=msg.encode("ascii")),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _await_request(self) -> None:
        self._stop_waiting()
        self._waiting[self] = None
        self._end = self.loop.call_later(self.request_seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        self._waiting.pop(self, None)
        if self._end is not None:
            self._end.cancel()
            self._end = None


class OnceAMinute(logging.Filter):
    """A filter that lets the same message through once a minute: strangers decide how often it comes."""

    def __init__(self, seconds: float = 60.0) -> None:
        super().__init__()
        self._seconds = seconds
        self._last: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return true if the message is to be logged, with the number of those since the last one."""
        message, now = str(record.msg), time.monotonic()
        if now - self._last.get(message, float("-inf")) < self._seconds:
            self._left_out[message] = self._left_out.get(message, 0) + 1
            return False
        self._last[message] = now
        if left_out := self._left_out.pop(message, 0):
            record.msg, record.args = f"{record.getMessage()} (and {left_out} times since the last)", ()
        return True


def without_fault(record: logging.LogRecord) -> bool:
    """Leave the fault itself out of a record: its text may hold what a customer has sent, and the application says where it was."""
    record.exc_info = record.exc_text = None
    return True


def server_options(most: int = MOST_CONNECTIONS) -> dict[str, Any]:
    """Return what the server is started with, so that strangers cannot keep it busy or fill its log.

    ``most`` is the largest number of connections.
    """
    LimitedConnection.most = most
    errors = logging.getLogger("uvicorn.error")
    errors.addFilter(OnceAMinute())
    errors.addFilter(without_fault)
    return {
        "http": LimitedConnection,
        "ws": "none",
        "server_header": False,
        "h11_max_incomplete_event_size": 16 * 1024,
        "timeout_keep_alive": 5,
        "backlog": 512,
        # Not every request is logged: its path holds the link, which is a key.
        "access_log": False,
        "log_config": None,
    }

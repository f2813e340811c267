"""The deadline of a conversation over a socket, however slowly the other side talks."""

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

CONNECT_SECONDS = 5.0
"""The time limit of one address of a host: the next one may answer."""


class Deadline:
    """A time limit for everything that happens in a block: when it is over, the connection is broken off.

    A time limit of a socket is one for each read: a server that sends a byte now and then would never exceed it.
    """

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self.is_over = False

    def __enter__(self) -> Self:
        """Let the time run."""
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Break nothing off any more."""
        self._timer.cancel()
        with self._lock:
            self._connection = None

    def connect(self, host: str, port: int) -> socket.socket:
        """Return a connection to the first address of a host that answers; raises OSError."""
        failure: OSError = TimeoutError()
        for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            left = self._ends_at - time.monotonic()
            if left <= 0:
                break
            try:
                return socket.create_connection(address[:2], min(CONNECT_SECONDS, left))  # type: ignore[arg-type]
            except OSError as error:
                failure = error
        raise failure

    def watch(self, connection: socket.socket) -> None:
        """Break this connection off when the time is over; a duplicate of a socket breaks off the same connection."""
        with self._lock:
            self._connection = connection
            if self.is_over:
                _break_off(connection)

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            if self._connection is not None:
                _break_off(self._connection)


def _break_off(connection: socket.socket) -> None:
    with suppress(OSError):  # the other side may have ended it just now
        connection.shutdown(socket.SHUT_RDWR)

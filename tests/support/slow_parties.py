"""Servers that take every connection and are of no use: one never answers, another sends a byte now and then for ever."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from starter.local import HOST
from tests.support.ports import free_port


@dataclass
class SlowParty:
    """A server whose answer never ends: it sends these bytes, one in each interval, and then the last one for ever."""

    answer: bytes = b""
    every_seconds: float = 6.0
    port: int = field(default_factory=free_port)
    _held: set[int] = field(default_factory=set)
    _asked: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def held(self) -> int:
        """The number of connections on which somebody waits for an answer now."""
        with self._lock:
            return len(self._held)

    @property
    def asked(self) -> int:
        """The number of connections that anybody ever waited on, whether or not they have given up."""
        with self._lock:
            return self._asked

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Run the server, and give its ``host:port``; in the end every connection is cut."""
        closing = threading.Event()
        with ExitStack() as connections, socket.create_server((HOST, self.port), backlog=256) as listener:

            def accept() -> None:
                while True:
                    try:
                        connection, _ = listener.accept()
                    except OSError:
                        return
                    connections.callback(connection.close)
                    connections.callback(_cut, connection)
                    threading.Thread(target=self._hold, args=(connection, closing), daemon=True).start()

            accepting = threading.Thread(target=accept, daemon=True)
            accepting.start()
            try:
                yield f"{HOST}:{self.port}"
            finally:
                closing.set()
                _cut(listener)
                accepting.join()

    def _hold(self, connection: socket.socket, closing: threading.Event) -> None:
        with self._counted(connection):
            if self.answer:
                threading.Thread(target=self._drip, args=(connection, closing), daemon=True).start()
            with suppress(OSError):
                while connection.recv(65536):  # ends when the other side does
                    pass

    def _drip(self, connection: socket.socket, closing: threading.Event) -> None:
        sent = 0
        with suppress(OSError):
            while not closing.wait(self.every_seconds if sent else 0):
                at = min(sent, len(self.answer) - 1)
                connection.sendall(self.answer[at : at + 1])
                sent += 1

    @contextmanager
    def _counted(self, connection: socket.socket) -> Iterator[None]:
        with self._lock:
            self._held.add(id(connection))
            self._asked += 1
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(id(connection))


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)

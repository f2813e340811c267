"""Sessions in the tenants' database that end when they are to end, whatever an organization's code or locks make them do."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, LiteralString, Self

import psycopg
from psycopg import Copy, errors
from psycopg.abc import Params

from domain.refusals import Refusal

OWN_NAMES: LiteralString = "SET search_path = pg_catalog, pg_temp; SET client_encoding = 'UTF8'"
"""Before every statement: what a statement before it has called may have set both otherwise."""


class OwnNames(psycopg.Cursor[Any]):
    """A cursor whose statements find PostgreSQL's own names, and none of an organization's in their place.

    Code that a statement calls can set the path for the next one, and make tables with the names of catalogues, temporary ones
    too, which come first where the path does not name them.
    """

    def execute(self, query: Any, params: Params | None = None, **options: Any) -> Self:
        """Execute a statement, as a cursor does."""
        super().execute(OWN_NAMES)
        return super().execute(query, params, **options)

    def stream(self, query: Any, params: Params | None = None, **options: Any) -> Iterator[Any]:
        """Read a statement's rows as they come, as a cursor does."""
        super().execute(OWN_NAMES)
        return super().stream(query, params, **options)

    @contextmanager
    def copy(self, statement: Any, params: Params | None = None, **options: Any) -> Iterator[Copy]:
        """Copy, as a cursor does."""
        super().execute(OWN_NAMES)
        with super().copy(statement, params, **options) as copying:
            yield copying


class OwnNamesAtTheServer(psycopg.ServerCursor[Any]):
    """The same for rows that wait at the server."""

    def execute(self, query: Any, params: Params | None = None, **options: Any) -> Self:
        """Execute a statement, as a cursor does."""
        self.connection.execute(OWN_NAMES)
        return super().execute(query, params, **options)


def as_organization(connection: psycopg.Connection[Any]) -> None:
    """Make a connection one on which code of an organization may run: it misleads no statement, and fills no memory."""
    connection.prepare_threshold = None  # a prepared statement is a name, under which code can prepare another one
    connection.cursor_factory = OwnNames
    connection.server_cursor_factory = OwnNamesAtTheServer
    connection.add_notify_handler(lambda _: None)  # without one, notices are kept until somebody asks for them


StoppedBy = Callable[[Callable[[], object]], AbstractContextManager[None]]
"""A function that has its argument called, from another thread, if the work is to end while the block runs."""

_CANCELLED_WITHIN_SECONDS = 5.0


def never_stopped(_stop: Callable[[], object]) -> AbstractContextManager[None]:
    """Let the block run to its end."""
    return nullcontext()


def end_session(connection: psycopg.Connection[Any]) -> None:
    """End a session from another thread, so that the thread which uses it has an error at once.

    A statement can catch its cancellation: so the line is cut, too, and the server ends a session without a client.
    Whoever calls this knows that the connection is not being closed meanwhile.
    """
    with suppress(psycopg.Error):
        connection.cancel_safe(timeout=_CANCELLED_WITHIN_SECONDS)
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.pgconn.socket)) as line:
        line.shutdown(socket.SHUT_RDWR)


def end_when_the_client_is_gone(connection: psycopg.Connection[Any]) -> None:
    """Have the server look for the client also during a statement, so that the next attempt finds no lock of a killed one."""
    with suppress(errors.InvalidParameterValue):  # a server on a system without this check
        connection.execute("SET client_connection_check_interval = '2s'")


@contextmanager
def within(connection: psycopg.Connection[Any], seconds: float, late: Refusal) -> Iterator[None]:
    """End the session if the block takes longer than ``seconds`` in all, and refuse: each of its locks has a time of its own."""
    passed = threading.Event()

    def end() -> None:
        passed.set()
        end_session(connection)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except psycopg.Error:
        if passed.is_set():
            raise late from None
        raise
    finally:
        timer.cancel()
        timer.join()
    if passed.is_set():
        raise late

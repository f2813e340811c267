"""Sessions in the tenants' database that end when they are to end, whatever an organization's code or locks make them do."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

import psycopg
from psycopg import errors

from domain.refusals import Refusal

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

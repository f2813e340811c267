"""The heartbeat of long work: sent while the work progresses; a cancelled activity is stopped at once."""

import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from temporalio import activity
from temporalio.exceptions import CancelledError

BEAT_SECONDS = 5.0
LOOK_SECONDS = 0.5
STUCK_SECONDS = 1800.0
"""Work without progress for so long sends no more heartbeats: Temporal then gives it to another worker."""


class Watch:
    """The watch over the activity that runs in this thread; its blocking calls are ended by the stops of `stopped_by`.

    A thread of its own checks for a cancellation: the working thread is in a read from a pipe, a query, or an upload, and
    would notice minutes later.
    """

    def __init__(self) -> None:
        self._stops: list[Callable[[], object]] = []
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._progress: tuple[str, int] = ("begun", 0)
        self._progressed_at = time.monotonic()
        self.cancelled = False

    def progress(self, what: str, so_far: int) -> None:
        """Record progress.

        Raises:
            CancelledError: the work is cancelled.

        """
        self.check()
        self._progress, self._progressed_at = (what, so_far), time.monotonic()

    def check(self) -> None:
        """Raise CancelledError once the work is cancelled."""
        if self.cancelled:
            raise CancelledError("the work is cancelled")

    @contextmanager
    def stopped_by(self, stop: Callable[[], object]) -> Iterator[None]:
        """Call ``stop``, from another thread, if the work is cancelled while the block runs."""
        with self._lock:
            self.check()
            self._stops.append(stop)
        try:
            yield
        finally:
            with self._lock:
                self._stops.remove(stop)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs; an exception of the block after a stop becomes CancelledError."""
        # Thread and activity share the activity's context: the SDK assigns the heartbeat by it.
        thread = threading.Thread(target=contextvars.copy_context().run, args=(self._look,), daemon=True)
        thread.start()
        try:
            yield
        except Exception:
            self.check()
            raise
        finally:
            self._done.set()
            thread.join()

    def _look(self) -> None:
        beaten_at = 0.0
        while not self._done.wait(LOOK_SECONDS):
            if activity.is_cancelled():
                self._stop()
                return
            now = time.monotonic()
            if now - beaten_at >= BEAT_SECONDS and now - self._progressed_at < STUCK_SECONDS:
                beaten_at = now
                activity.heartbeat(*self._progress)

    def _stop(self) -> None:
        with self._lock:
            self.cancelled = True
            for stop in self._stops:
                with suppress(Exception):  # it may have ended by itself just now
                    stop()

"""The heartbeat of long work: sent while the work progresses; a cancelled activity is stopped at once."""

import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError

BEAT_SECONDS = 5.0
LOOK_SECONDS = 0.5
STUCK_SECONDS = 7200.0
"""Work without progress for so long is stopped, and tried again: hours are what a count of the largest table may take."""

WORKER_STOPS = "worker_stops"
NO_PROGRESS = "no_progress"


class WorkCancelled(CancelledError):  # noqa: N818 - a request, not a fault
    """The work was cancelled.

    Raised where the work can be left in order. The SDK's own exception would come into its thread anywhere, also in the middle
    of a clean-up: no activity lets it.
    """


def report_progress(*details: object) -> None:
    """Send a heartbeat with the progress of the work; called every second or so.

    Raises:
        WorkCancelled: the workflow has cancelled the work.
        ApplicationError: the worker stops; another one starts the work again at once.

    """
    activity.heartbeat(*details)
    if (reason := _reason_to_stop()) is not None:
        raise reason


class Watch:
    """The watch over the activity that runs in this thread; its blocking calls are ended by the stops of `stopped_by`.

    A thread of its own sends the heartbeats and looks whether the work is to end: the working thread is in a read from a
    pipe, a query, or an upload, and would notice minutes later, while Temporal has begun the work a second time.
    """

    def __init__(self) -> None:
        self._stops: list[Callable[[], object]] = []
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._progress: tuple[object, ...] = ()
        self._progressed_at = time.monotonic()
        self._reason: Exception | None = None

    def progress(self, *details: object) -> None:
        """Record progress, and send it. Raises as `check`."""
        self.check()
        self._progress, self._progressed_at = details, time.monotonic()
        activity.heartbeat(*details)

    def check(self) -> None:
        """Do nothing while the work may go on.

        Raises:
            WorkCancelled: the workflow has cancelled the work.
            ApplicationError: the worker stops, or there was no progress for hours; the work is to be started again.

        """
        if self._reason is not None:
            raise self._reason

    @contextmanager
    def stopped_by(self, stop: Callable[[], object]) -> Iterator[None]:
        """Call ``stop``, from another thread, if the work is to end while the block runs."""
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
        """Watch while the block runs; an exception of the block after a stop becomes that of `check`."""
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
            now = time.monotonic()
            reason = _reason_to_stop()
            if reason is None and now - self._progressed_at >= STUCK_SECONDS:
                reason = ApplicationError("There was no progress for hours; the work starts again.", type=NO_PROGRESS)
            if reason is not None:
                self._stop(reason)
                return
            if now - beaten_at >= BEAT_SECONDS:
                beaten_at = now
                activity.heartbeat(*self._progress)

    def _stop(self, reason: Exception) -> None:
        with self._lock:
            self._reason = reason
            for stop in self._stops:
                with suppress(Exception):  # it may have ended by itself just now
                    stop()


def _reason_to_stop() -> Exception | None:
    if activity.is_cancelled():
        return WorkCancelled()
    if activity.is_worker_shutdown():
        return ApplicationError(
            "The worker stops; another one starts the work again.",
            type=WORKER_STOPS,
            next_retry_delay=timedelta(seconds=1),
        )
    return None

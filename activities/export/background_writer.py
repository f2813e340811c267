"""A background thread for the writing of what another thread reads: compression and uploads on the other core."""

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

Task = Callable[[], object]

WAITING = 3


class BackgroundWriter:
    """A thread that runs tasks in the order in which they come; the caller waits while too many are not begun.

    An exception of a task is raised at the next `do`, or at the end of the ``with`` block; later tasks are not run. A
    block that ends with an exception drops the tasks that are not begun. After the block no task is running.
    """

    def __init__(self) -> None:
        self._tasks: queue.Queue[Task | None] = queue.Queue(maxsize=WAITING)
        self._failure: BaseException | None = None
        self._dropping = False
        self._thread = threading.Thread(target=self._work, name="export-writer", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def do(self, task: Task) -> None:
        """Queue a task behind those before it."""
        if self._failure is not None:
            raise self._failure
        self._tasks.put(task)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait until no task is running, and raise the exception of a failed one."""
        self._dropping = kind is not None
        self._tasks.put(None)
        self._thread.join()
        if self._failure is not None and kind is None:
            raise self._failure

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            if self._failure is None and not self._dropping:
                try:
                    task()
                except BaseException as failure:  # noqa: BLE001 - raised on the other thread
                    self._failure = failure

"""Work done in order on a thread behind the one that reads: compression and uploads on the other core."""

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

Task = Callable[[], object]

WAITING = 3


class Behind:
    """A thread that does tasks in the order in which they come; the giver waits while too many are not begun.

    What a task raises is raised at the next `do`, or at the end of the ``with`` block; tasks after it are not done. A
    block that ends with an exception drops the tasks that are not begun. After the block nothing is being done.
    """

    def __init__(self) -> None:
        self._tasks: queue.Queue[Task | None] = queue.Queue(maxsize=WAITING)
        self._failure: BaseException | None = None
        self._dropping = False
        self._thread = threading.Thread(target=self._work, name="export-behind", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def do(self, task: Task) -> None:
        """Have a task done after those before it."""
        if self._failure is not None:
            raise self._failure
        self._tasks.put(task)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait until nothing is being done, and raise what a task raised."""
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

"""Places for requests to webhook endpoints: the slow ones leave threads to all others."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from contract import WorkQueue
from runtime.queues import SLOTS

PROMPT_SECONDS = 1.0
"""An endpoint whose last answer took longer is a slow one."""
OF_SLOW_ENDPOINT = 2
"""The number of requests that may be under way at once to one slow endpoint, from one process."""


class Room(NamedTuple):
    """Which endpoints may be asked."""

    full: frozenset[str] = frozenset()
    """Those that have no place."""
    prompt: frozenset[str] = frozenset()
    """Those that answer promptly, and come first."""
    for_slow_ones: bool = True
    """False if none but the prompt ones may be asked."""


class Places:
    """The places for requests of one process; each takes a thread until the endpoint has answered.

    All slow endpoints together have half of the threads, so that what is for others never waits for them. One that has not answered
    this process yet counts as slow. A prompt endpoint has three quarters: so much it may take, should it become slow.
    """

    def __init__(self, threads: int = SLOTS[WorkQueue.WEBHOOKS]) -> None:
        self._of_slow_ones = threads // 2
        self._of_prompt_endpoint = threads * 3 // 4
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        self._prompt: set[str] = set()

    def free(self) -> Room:
        """Return which endpoints may be asked at present."""
        with self._lock:
            return Room(
                full=frozenset(endpoint for endpoint in self._under_way if not self._has_place(endpoint)),
                prompt=frozenset(self._prompt),
                for_slow_ones=self._slow_ones < self._of_slow_ones,
            )

    @contextmanager
    def take(self, endpoint: str) -> Iterator[bool]:
        """Take a place for the block, which is the request; give False where there is none."""
        with self._lock:
            taken = self._has_place(endpoint)
            self._under_way[endpoint] += taken
        began = time.monotonic()
        try:
            yield taken
        finally:
            if taken:
                with self._lock:
                    self._leave(endpoint, is_prompt=time.monotonic() - began < PROMPT_SECONDS)

    def _leave(self, endpoint: str, *, is_prompt: bool) -> None:
        self._under_way[endpoint] -= 1
        if is_prompt:
            self._prompt.add(endpoint)
        else:
            self._prompt.discard(endpoint)

    def _has_place(self, endpoint: str) -> bool:
        if endpoint in self._prompt:
            return self._under_way[endpoint] < self._of_prompt_endpoint
        return self._under_way[endpoint] < OF_SLOW_ENDPOINT and self._slow_ones < self._of_slow_ones

    @property
    def _slow_ones(self) -> int:
        """The number of requests that are under way to slow endpoints."""
        return sum(number for endpoint, number in self._under_way.items() if endpoint not in self._prompt)

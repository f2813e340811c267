"""Places for requests to webhook endpoints: the slow ones leave threads to all others."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from contract import WorkQueue
from records.webhooks.claims import Room
from runtime.queues import SLOTS

PROMPT_SECONDS = 1.0
"""The time within which a prompt endpoint answers. One that takes longer is slow at once, and for a while (`domain.webhooks.SLOW_FOR`)."""
OF_SLOW_ENDPOINT = 2
"""The number of requests that may be under way at once to one slow endpoint, from one process."""


@dataclass(frozen=True, eq=False)
class _Request:
    """A request that is under way."""

    endpoint: str
    is_slow: bool
    """True if its endpoint counted as slow when it began."""
    began: float


class Places:
    """The places for requests of one process; each takes a thread until the endpoint has answered.

    All slow endpoints together have half of the threads, so that what is for others never waits for them. A prompt endpoint has three
    quarters; a new one is prompt until it is not.
    """

    def __init__(self, threads: int = SLOTS[WorkQueue.WEBHOOKS], clock: Callable[[], float] = time.monotonic) -> None:
        self._of_slow_ones = threads // 2
        self._of_prompt_endpoint = threads * 3 // 4
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: set[_Request] = set()
        self._asked_at: dict[str, float] = {}

    def room(self) -> Room:
        """Return which endpoints may be asked at present."""
        with self._lock:
            return self._room()

    @contextmanager
    def take(self, endpoint: str, *, is_slow: bool) -> Iterator[bool]:
        """Take a place for the block, which is the request; give False where there is none."""
        with self._lock:
            request = _Request(endpoint, is_slow, self._clock())
            is_taken = self._has_place(request)
            if is_taken:
                self._under_way.add(request)
                self._asked_at[endpoint] = request.began
        try:
            yield is_taken
        finally:
            with self._lock:
                self._under_way.discard(request)

    def _has_place(self, request: _Request) -> bool:
        room, endpoint = self._room(), request.endpoint
        if request.is_slow or endpoint in room.slow:
            return room.for_slow_ones and endpoint not in room.full_if_slow
        return endpoint not in room.full

    def _room(self) -> Room:
        number = Counter(request.endpoint for request in self._under_way)
        late = self._clock() - PROMPT_SECONDS
        slow = {request.endpoint for request in self._under_way if request.is_slow or request.began <= late}
        return Room(
            full=frozenset(endpoint for endpoint in number if number[endpoint] >= self._of_prompt_endpoint),
            full_if_slow=frozenset(endpoint for endpoint in number if number[endpoint] >= OF_SLOW_ENDPOINT),
            slow=frozenset(slow),
            for_slow_ones=sum(number[endpoint] for endpoint in slow) < self._of_slow_ones,
            asked=tuple(sorted(self._asked_at, key=self._asked_at.__getitem__)),
        )

"""Turns of what takes long: a few at a time in a process, one for each caller, and a limited number that wait."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from domain.refusals import Refusal


class Turns:
    """The turns of one kind of work: ``at_once`` are done at a time, and others wait."""

    def __init__(self, *, at_once: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._turns_of: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """One turn for each caller, so that nobody takes all of them."""

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """Wait for a turn, and keep it for the block."""
        async with self._turns_of.setdefault(caller, asyncio.Lock()), self._turns:
            yield


class Places(Turns):
    """Turns with a limited number of places, also for those that wait.

    Args:
        at_once: how many are done at a time.
        most: how many there may be, waiting ones too.
        most_of_one: how many of those are one caller's.
        too_many: makes the refusal of one more from how many are the caller's.

    """

    def __init__(self, *, at_once: int, most: int, most_of_one: int, too_many: Callable[[int], Refusal]) -> None:
        super().__init__(at_once=at_once)
        self._most, self._most_of_one, self._too_many = most, most_of_one, too_many
        self._held: Counter[str] = Counter()

    def held_by(self, caller: str) -> int:
        """Return how many places are a caller's."""
        return self._held[caller]

    @asynccontextmanager
    async def place(self, caller: str) -> AsyncIterator[None]:
        """Hold a place, which is no turn yet. Raises what ``too_many`` makes."""
        own = self._held[caller]
        if own >= self._most_of_one or self._held.total() >= self._most:
            raise self._too_many(own)
        self._held[caller] += 1
        try:
            yield
        finally:
            self._held[caller] -= 1
            if not self._held[caller]:
                del self._held[caller]

"""Events of cases as they happen: one look at the audit trail for everybody who watches in this process.

A stream begins where its watcher names an event that it has had, or now. Each event comes at least once: one that is repeated has
the same number.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input
from records import case_events
from records.case_events import CaseEvent
from records.snapshots import NEVER
from starter.service.area import AreaClient, Connections

LOOK_EVERY = 0.5
"""Seconds between two looks, while anybody watches."""
MOST_AT_ONCE = 1_000
"""The number of events of a look, and of those that a stream catches up on, before it ends and is to be resumed."""
MOST_STREAMS = 1_000
"""The number of streams in a process."""
MOST_OF_ONE = 50
"""The number of streams of one watcher."""
MOST_WAITING = 1_000
"""The number of events that a watcher may be behind before its stream is ended, to be resumed."""

QUIET_SECONDS = 15.0
"""The time after which a stream without events says that it is there, and from which place it can be resumed."""

_NOWHERE = -1
"""In place of the entry below which nothing more comes, while nobody looks."""


@dataclass(frozen=True)
class Place:
    """A place in the trail from which a stream can be resumed: every event up to ``settled`` has been sent."""

    settled: int
    entry: int = 0

    def __str__(self) -> str:
        """Return it as a watcher keeps it."""
        return f"{self.settled}-{self.entry}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Return the place that a watcher names. Raises PlaceUnknown."""
        settled, _, entry = text.partition("-")
        if not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in (settled, entry)):
            raise PlaceUnknown(text)
        return cls(int(settled), int(entry))


class PlaceUnknown(Refusal):
    """A place in a stream that no event has."""

    code = "place_unknown"

    def __init__(self, place: str) -> None:
        super().__init__(
            f"{place[:100]!r} is the id of no event.",
            remedy=correct_input("Give the id of the last event that came, or none to begin now."),
            place=place[:100],
        )


class TooManyStreams(Refusal):
    """One more stream of events than one may have, or than a process has room for."""

    code = "too_many_streams"

    def __init__(self, own: int) -> None:
        super().__init__(
            f"There is no room for another stream of events: there are {own} of yours, of at most {MOST_OF_ONE}, and "
            f"{MOST_STREAMS} in all.",
            remedy=Remedy.of(RemedyKind.REPEAT_LATER),
            own=own,
        )


@dataclass(frozen=True)
class Watched:
    """The events that a watcher wants: all that meet every condition that is set."""

    subscription: str | None = None
    cancellation: str | None = None
    organizations: frozenset[str] | None = None

    def includes(self, event: CaseEvent) -> bool:
        """Return true for an event that the watcher wants."""
        return (
            self.subscription in (None, event.subscription)
            and self.cancellation in (None, event.cancellation)
            and (self.organizations is None or event.organization in self.organizations)
        )


@dataclass(eq=False)
class _Watcher:
    watched: Watched
    name: str
    waiting: asyncio.Queue[tuple[Place, CaseEvent]] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    is_behind: bool = False


Stream = AsyncGenerator[tuple[Place, CaseEvent | None], None]
"""The events, each with the place after it; a place alone where there has been none."""


class EventClient(AreaClient):
    """The area of events, which come from the records."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._watchers: set[_Watcher] = set()
        self._looking: asyncio.Task[None] | None = None
        self._settled = _NOWHERE
        self._sent: set[int] = set()
        self._looks: deque[tuple[int, int]] = deque()
        """Of earlier looks, the highest number seen, and a number above those of the transactions that wrote then."""
        self._turn = asyncio.Lock()

    async def watch_list(
        self, *, organizations: Collection[str] | None = None, after: str | None = None, watcher: str = ""
    ) -> Stream:
        """Return the events of all cases of some organizations, or of all, for as long as they are asked for.

        The first has no event: it says from which place on nothing is missed. ``after`` is the place of the last event that the
        watcher has had; ``watcher`` is who it is, because nobody may have too many.

        Raises:
            PlaceUnknown, TooManyStreams.

        """
        wanted = None if organizations is None else frozenset(organizations)
        return await self._watch(Watched(organizations=wanted), after, watcher)

    async def watch_subscription(
        self, subscription: str, *, cancellation: str | None = None, after: str | None = None, watcher: str = ""
    ) -> Stream:
        """Return the events of a subscription's cancellations, or of one of them. Otherwise as `watch_list`."""
        return await self._watch(Watched(subscription=subscription, cancellation=cancellation), after, watcher)

    async def _watch(self, watched: Watched, after: str | None, watcher: str) -> Stream:
        place = None if after is None else Place.parse(after)
        self._refuse_too_many(watcher)
        await self._look()  # refuses at once where there are no records to read
        return self._stream(watched, place, watcher)

    def _refuse_too_many(self, watcher: str) -> None:
        own = sum(1 for one in self._watchers if one.name == watcher)
        if own >= MOST_OF_ONE or len(self._watchers) >= MOST_STREAMS:
            raise TooManyStreams(min(own, MOST_OF_ONE))

    async def _stream(self, watched: Watched, place: Place | None, name: str) -> Stream:
        self._refuse_too_many(name)
        watcher = _Watcher(watched, name)
        self._watchers.add(watcher)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_on())
        try:
            if self._settled == _NOWHERE:  # the last watcher has gone since, and with it the looks
                await self._look()
            begin = self._settled
            yield Place(begin if place is None else place.settled), None
            sent: set[int] = set()
            new = 0
            async with aclosing(self._missed(watched, place)) as missed:
                async for event in missed:
                    yield Place(min(begin, event.entry), event.entry), event
                    if event.entry > begin:
                        sent.add(event.entry)
                    new += place is not None and event.entry > place.entry
                    if new == MOST_AT_ONCE:
                        return  # the rest comes when it is resumed
            while not (watcher.is_behind and watcher.waiting.empty()):
                try:
                    at, event = await asyncio.wait_for(watcher.waiting.get(), QUIET_SECONDS)
                except TimeoutError:
                    yield Place(self._settled), None
                    continue
                if event.entry not in sent:
                    yield at, event
        finally:
            self._watchers.discard(watcher)

    async def _missed(self, watched: Watched, place: Place | None) -> AsyncGenerator[CaseEvent, None]:
        """Return the events since a place in the order of their numbers, also those before its entry: some of them may have come since."""
        after = None if place is None else place.settled
        while after is not None:
            query = partial(case_events.case_events, after=after, most=MOST_AT_ONCE, **vars(watched))
            found = await self._read(query)
            for number, event in enumerate(found):
                if number % 100 == 0:
                    await asyncio.sleep(0)  # others have a turn
                yield event
            after = found[-1].entry if len(found) == MOST_AT_ONCE else None

    async def _look_on(self) -> None:
        while self._watchers:
            with suppress(Refusal):  # the records are away for a while; nothing is missed
                await self._look()
            await asyncio.sleep(LOOK_EVERY)
        self._settled = _NOWHERE

    async def _look(self) -> None:
        """Take what has come into the trail since, and pass it on."""
        async with self._turn:
            if self._settled == _NOWHERE:
                # What is there already has been seen by nobody, and is not to be; a transaction that goes on adds to it.
                begin = await self._read(case_events.beginning)
                self._settled, self._sent = begin.settled, set(begin.known)
                self._looks.clear()
            look = partial(case_events.look, after=self._settled, known=self._sent, most=MOST_AT_ONCE)
            found = await self._read(look)
            for event in found.events:
                self._sent.add(event.entry)
                self._pass_on(event)
            if (
                found.beyond_running != NEVER
            ):  # else only a later look can be settled, and this one would keep it waiting
                self._looks.append((found.newest, found.beyond_running))
            while self._looks and self._looks[0][1] <= found.oldest_running:
                # A look that was cut off has not seen what lies beyond it, whatever earlier ones had.
                self._settled = max(self._settled, min(self._looks.popleft()[0], found.newest))
            self._sent = {entry for entry in self._sent if entry > self._settled}

    def _pass_on(self, event: CaseEvent) -> None:
        for watcher in self._watchers:
            if watcher.is_behind or not watcher.watched.includes(event):
                continue
            try:
                watcher.waiting.put_nowait((Place(self._settled, event.entry), event))
            except asyncio.QueueFull:
                watcher.is_behind = True

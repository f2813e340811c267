"""The faults of a run: a random part is killed, stopped or cut off, connections are ended, rows are locked."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from tests.faults.parts import Part
from tests.faults.site import Site

STRIKERS = 2
"""The number of faults at once; never two on the same part."""

PAUSE_SECONDS = (2, 12)
"""From the end of one fault to the next."""

LONG_LOCKS = 2
"""The number of locks that last a minute; the others last seconds."""

TERMINATE = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' "
                 "AND pid <> pg_backend_pid() AND datname IN ('offramp', 'tenants')")  # fmt: skip
LOCK = text("SELECT c.id FROM subscriptions s JOIN cancellations c ON c.subscription = s.id "
            "WHERE c.ended_at IS NULL ORDER BY random() LIMIT :cases FOR UPDATE")  # fmt: skip


Strike = Callable[[], Coroutine[Any, Any, None]]


class Storm:
    """Faults at random, from a seed."""

    def __init__(self, site: Site, chance: random.Random, kinds: Collection[str]) -> None:
        self._site = site
        self._chance = chance
        self._long_locks = LONG_LOCKS
        self.faults: Counter[tuple[str, str]] = Counter()
        """By kind and part."""
        self.cut = 0
        """The number of connections that were ended."""
        self._kinds: dict[str, Strike] = {
            kind: strike
            for kind, strike in (
                ("kill", self._kill),
                ("stop", self._stop),
                ("drop", self._drop),
                ("refuse", self._refuse),
                ("hang", self._hang),
                ("terminate", self._terminate),
                ("lock", self._lock),
            )
            if kind in kinds
        }

    async def rage(self) -> None:
        """Strike until cancelled; a fault that has begun is ended first."""
        await asyncio.gather(*(self._strike() for _ in range(STRIKERS)))

    async def _strike(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(*PAUSE_SECONDS))
            strike = asyncio.create_task(self._kinds[self._chance.choice([*self._kinds])]())
            try:
                await asyncio.shield(strike)
            except asyncio.CancelledError:
                await strike
                raise

    def _part(self) -> Part:
        free = [part for part in self._site.parts.values() if not part.disturbed.locked()]
        workers = [part for part in free if part.name.startswith("worker")]
        return self._chance.choice(free + workers)

    async def _kill(self) -> None:
        part = self._part()
        async with part.disturbed:
            self._count("kill", part.name)
            await part.kill()
            await asyncio.sleep(self._chance.uniform(0, 4))
            await part.start()

    async def _stop(self) -> None:
        part = self._part()
        async with part.disturbed:
            self._count("stop", part.name)
            async with part.stopped():
                await asyncio.sleep(self._chance.uniform(1, 12))

    async def _drop(self) -> None:
        name = self._chance.choice([*self._site.proxies])
        self._count("drop", name)
        for _ in range(self._chance.randint(1, 5)):
            self.cut += self._site.proxies[name].drop()
            await asyncio.sleep(self._chance.uniform(0.1, 0.5))

    async def _refuse(self) -> None:
        name = self._chance.choice([*self._site.proxies])
        self._count("refuse", name)
        async with self._site.proxies[name].refusing() as cut:
            self.cut += cut
            await asyncio.sleep(self._chance.uniform(1, 10))

    async def _hang(self) -> None:
        name = self._chance.choice([*self._site.proxies])
        self._count("hang", name)
        async with self._site.proxies[name].hanging():
            await asyncio.sleep(self._chance.uniform(1, 12))

    async def _terminate(self) -> None:
        self._count("terminate", "postgres")
        for _ in range(self._chance.randint(5, 30)):
            self.cut += await asyncio.to_thread(_terminate, self._site.engine)
            await asyncio.sleep(self._chance.uniform(0.02, 0.2))

    async def _lock(self) -> None:
        seconds = self._chance.uniform(1, 8)
        if self._long_locks:
            self._long_locks -= 1
            seconds = 60
        self._count("lock for a minute" if seconds == 60 else "lock", "postgres")
        await asyncio.to_thread(_locked, self._site.engine, self._chance.randint(1, 10), seconds)

    def _count(self, kind: str, part: str) -> None:
        self.faults[kind, part.rstrip("-0123456789")] += 1


def _terminate(engine: Engine) -> int:
    with suppress(SQLAlchemyError), engine.connect() as connection:
        return len(connection.execute(TERMINATE).all())
    return 0


def _locked(engine: Engine, cases: int, seconds: float) -> None:
    """Lock what every step of some open cases locks; shorter, if the connection is lost."""
    with suppress(SQLAlchemyError), engine.begin() as connection:
        connection.execute(LOCK, {"cases": cases})
        connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})

"""A caller with patience: it repeats a request under its id until there is an answer, and counts what it gets."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from domain.refusals import Refusal, RefusalDetails

UNAVAILABLE = frozenset(
    {
        "still_waiting",
        "temporal_unavailable",
        "temporal_busy",
        "temporal_failed",
        "database_unavailable",
        "database_busy",
        "case_busy",
        "request_lost",
        "cancellation_still_telling",
        "object_store_unavailable",
    }
)
"""The refusals after which a request is repeated under its id: a part does not answer, or the case is busy."""

DEFECTS = frozenset(
    {"database_failed", "records_conflict", "temporal_refused", "cancellation_suspended", "database_not_migrated"}
)
"""The refusals that no fault of a part explains."""

IMPATIENT = 0.1
"""The share of requests that are sent twice at once."""

SQL = ("SELECT ", "INSERT ", "UPDATE ", "psycopg", "sqlalchemy", "Traceback", "Background on this error")


class Gone(Exception):  # noqa: N818 - an answer, not a fault
    """A page answered that it is unavailable, or the connection to it was lost."""


@dataclass(frozen=True)
class Answer:
    """An answer: accepted, or a refusal."""

    refusal: RefusalDetails | None


@dataclass
class Tally:
    """The requests of all callers, and their answers."""

    requests: int = 0
    attempts: int = 0
    answered: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Final answers that are refusals, by code."""
    unavailable: Counter[str] = field(default_factory=Counter)
    """Refusals that led to a repetition, by code."""
    seconds: list[float] = field(default_factory=list)
    """From each request to its answer."""
    broken: list[str] = field(default_factory=list)
    """Answers that no caller may ever see."""


class Caller:
    """One who asks the service for something, as often as it takes."""

    def __init__(self, tally: Tally, chance: random.Random) -> None:
        self._tally = tally
        self._chance = chance

    async def ask(self, name: str, send: Callable[[], Awaitable[Any]]) -> RefusalDetails | None:
        """Send a request until it is answered; return the refusal, if it is one. ``send`` repeats it under one id.

        An impatient caller sends it twice at once, and must get the same answer to both.
        """
        tally, clock = self._tally, asyncio.get_running_loop().time
        tally.requests += 1
        began = clock()
        while True:
            times = 2 if self._chance.random() < IMPATIENT else 1
            outcomes = await asyncio.gather(*(self._sent(name, send) for _ in range(times)))
            answers = [outcome for outcome in outcomes if outcome is not None]
            if len({answer.refusal.code if answer.refusal else None for answer in answers}) > 1:
                self.report(f"{name}: two answers to one request: {answers}")
            if answers:
                break
            await asyncio.sleep(self._chance.uniform(0.5, 2))
        tally.seconds.append(clock() - began)
        refusal = answers[0].refusal
        if refusal is None:
            tally.answered += 1
        else:
            tally.refused[refusal.code] += 1
        return refusal

    async def _sent(self, name: str, send: Callable[[], Awaitable[Any]]) -> Answer | None:
        """Send a request once; return its answer, or None if it is to be repeated."""
        tally = self._tally
        tally.attempts += 1
        try:
            await send()
        except Refusal as refused:
            refusal = refused.details
            if refusal.code in DEFECTS or any(word in refusal.message for word in SQL):
                self.report(f"{name}: {refusal.code}: {refusal.message}")
            if refusal.code not in UNAVAILABLE | DEFECTS:
                return Answer(refusal)
            tally.unavailable[refusal.code] += 1
            return None
        except (Gone, httpx.TransportError) as gone:
            tally.unavailable[f"page: {type(gone).__name__}"] += 1
            return None
        except Exception as error:  # noqa: BLE001 - that there is none is what is tested
            self.report(f"{name}: {type(error).__name__}: {error}")
            return None
        return Answer(None)

    def report(self, what: str) -> None:
        """Add to what no caller may ever see."""
        self._tally.broken.append(what[:300])

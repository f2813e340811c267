"""The transaction on the records through which every business step writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Self

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain.vocabulary import Channel

NO_CHANNELS: frozenset[Channel] = frozenset()


@dataclass(frozen=True)
class Transaction:
    """A session in PostgreSQL, and the channels that this installation notifies on.

    No message is written for a channel without readers.
    """

    session: Session
    channels: frozenset[Channel] = NO_CHANNELS

    @classmethod
    @contextmanager
    def begin(cls, engine: Engine, channels: frozenset[Channel] = NO_CHANNELS) -> Iterator[Self]:
        """Begin a transaction that is committed at the end of the block, or rolled back by an error in it."""
        # Without autoflush a row that a step changes in several places is written once, when the step flushes it.
        with Session(engine, autoflush=False) as session, session.begin():
            yield cls(session, channels)

    def only(self, *channels: Channel) -> Self:
        """Return the same transaction with these channels at most."""
        return replace(self, channels=self.channels & frozenset(channels))

    def without(self, *channels: Channel) -> Self:
        """Return the same transaction without these channels."""
        return replace(self, channels=self.channels - frozenset(channels))

"""The base of activities on the records: one transaction for each step, and the messages that it leaves to deliver."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine

from contract.steps import Recorded, Step
from domain.vocabulary import Channel
from records import outbox
from records.transaction import Transaction

P = ParamSpec("P")
R = TypeVar("R")


class OnRecords:
    """The base of activities on the records; this installation notifies on ``channels``."""

    def __init__(self, engine: Engine, channels: frozenset[Channel]) -> None:
        self._engine = engine
        self._channels = channels

    def _transaction(self) -> AbstractContextManager[Transaction]:
        return Transaction.begin(self._engine, self._channels)

    def _written(
        self, write: Callable[Concatenate[Transaction, Step, P], R], step: Step, *args: P.args, **kwargs: P.kwargs
    ) -> tuple[R, dict[Channel, int]]:
        """Return the result of a business step, and the newest message of its case on each channel."""
        with self._transaction() as transaction:
            result = write(transaction, step, *args, **kwargs)
            return result, outbox.last_of(transaction.session, step.cancellation)

    def _recorded(
        self, write: Callable[Concatenate[Transaction, Step, P], object], step: Step, *args: P.args, **kwargs: P.kwargs
    ) -> Recorded:
        _, last_message = self._written(write, step, *args, **kwargs)
        return Recorded(last_message=last_message)


def recorded(transaction: Transaction, step: Step) -> Recorded:
    """Return the outcome of a step: the newest message of its case on each channel."""
    return Recorded(last_message=outbox.last_of(transaction.session, step.cancellation))

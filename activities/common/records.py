"""The base of activities on the records: one transaction for each step, and what its workflow learns from it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine

from contract.steps import Recorded, Step
from domain.refusals import Refusal
from domain.vocabulary import Channel
from records import cases, outbox, requests
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
    ) -> tuple[R, Recorded]:
        """Return the result of a business step, and its outcome: the newest messages, and the record of the case.

        The request that the step answers is accepted in the same transaction. A refusal has the record with it, too: the
        record may be further than the workflow knows.
        """
        with self._refusing(step), self._transaction() as transaction:
            requests.check(transaction, step)
            result = write(transaction, step, *args, **kwargs)
            requests.accept(transaction, step)
            return result, recorded(transaction, step)

    def _recorded(
        self, write: Callable[Concatenate[Transaction, Step, P], object], step: Step, *args: P.args, **kwargs: P.kwargs
    ) -> Recorded:
        _, outcome = self._written(write, step, *args, **kwargs)
        return outcome

    @contextmanager
    def _refusing(self, step: Step) -> Iterator[None]:
        """Add the record of the case to a refusal that leaves the block."""
        with refusing_with_record(self._engine, step):
            yield


@contextmanager
def refusing_with_record(engine: Engine, step: Step) -> Iterator[None]:
    """Add the record of the step's case to a refusal that leaves the block."""
    try:
        yield
    except Refusal as refusal:
        with Transaction.begin(engine) as transaction:
            record = cases.record_of(transaction.session, step.cancellation)
        refusal.record = record.model_dump(mode="json") if record else None
        raise


def recorded(transaction: Transaction, step: Step) -> Recorded:
    """Return the outcome of a step: the newest message of its case on each channel, and the record of the case."""
    return Recorded(
        last_message=outbox.last_of(transaction.session, step.cancellation),
        record=cases.record_of(transaction.session, step.cancellation),
    )

"""The faults of single rows: whatever is wrong with one is its result, and holds up no other one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from domain.bulk import RowState
from domain.bulk.refusals import BulkRowFailed
from domain.refusals import Refusal
from records.bulk.results import settle
from storage.refusals import PASSES, refusal_of
from storage.tables import BulkItemRow


@contextmanager
def faults_of(session: Session, row: BulkItemRow, *, at: datetime) -> Iterator[None]:
    """Run what is done for one row: a fault takes it back, and is the result of the row. What passes by itself is raised."""
    try:
        with session.begin_nested():
            yield
    except Exception as fault:  # whatever it is: the next row is another one
        if is_passing(fault):
            raise
        refusal = fault if isinstance(fault, Refusal) else BulkRowFailed(type(fault).__name__)
        settle(row, RowState.REFUSED, at=at, refusal=refusal)
        session.flush()


def is_passing(fault: Exception) -> bool:
    """Return true for what is no fault of a row, and passes: the database is away, or busy with something else."""
    return isinstance(fault, SQLAlchemyError) and isinstance(refusal_of(fault, ""), PASSES)

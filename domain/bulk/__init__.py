"""Bulk cancellations: many subscriptions cancelled by one plan, which a person has seen whole before it is carried out."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

BulkId = Annotated[str, StringConstraints(pattern=r"^bulk-[0-9a-f]{16}$")]
"""The id of a bulk, which Offramp gives."""

MOST_ROWS = 10_000
"""The largest number of rows of one bulk."""
MOST_LINES = 2 * MOST_ROWS
"""The largest number of lines under the header of a file: its rows, and blank ones."""
LARGEST_FILE = 4 << 20
"""The largest file, in bytes."""

ALONE_UP_TO = 10
"""The largest number of rows to be started that whoever planned a bulk may confirm as well; beyond it another person does."""

PLAN_STANDS_FOR = timedelta(days=7)
"""The time for which a plan can be confirmed; after it the bulk is expired, and the file is planned anew."""

AT_ONCE, MOST_AT_ONCE = 5, 20
"""The number of starts that are under way together, unless another one is asked for, and the largest one."""
PER_MINUTE, MOST_PER_MINUTE = 120, 6_000
"""The number of starts in a minute, likewise."""


class BulkKind(StrEnum):
    """What a bulk is made of. The names are stored and sent: they never change."""

    ROWS = "rows"
    """The rows of a file."""
    ORGANIZATION = "organization"
    """Every subscription of one organization, with the same answers."""


class BulkState(StrEnum):
    """How far a bulk is. The names are stored and sent: they never change."""

    PLANNING = "planning"
    """Its rows are being judged; nothing is started."""
    PLANNED = "planned"
    """Every row is judged. A person looks at the plan, and confirms it."""
    RUNNING = "running"
    STOPPED = "stopped"
    """Nothing more is started until somebody resumes it."""
    KILLED = "killed"
    """Ended for good before its plan was carried out."""
    EXPIRED = "expired"
    """Nobody confirmed the plan in time."""
    FINISHED = "finished"

    @property
    def is_final(self) -> bool:
        """True if nothing follows."""
        return self in (BulkState.KILLED, BulkState.EXPIRED, BulkState.FINISHED)


class RowState(StrEnum):
    """How far a row is. The names are stored and sent: they never change."""

    PLANNING = "planning"
    READY = "ready"
    """It can be started."""
    UNDER_WAY = "under_way"
    """Its start is with Temporal, or was when a worker died, and is sent again under the same id."""
    STARTED = "started"
    """A case was opened for it."""
    ALREADY_RUNNING = "already_running"
    """Another request had opened the case that runs; nothing was started."""
    REFUSED = "refused"
    """By the plan or by its start; nothing was started."""
    NOT_STARTED = "not_started"
    """The bulk ended before its turn came."""

    @property
    def is_settled(self) -> bool:
        """True if nothing more happens to it."""
        return self not in OPEN_ROWS


OPEN_ROWS = frozenset({RowState.PLANNING, RowState.READY, RowState.UNDER_WAY})
"""The states in which a row still has the fields of its start; afterwards its case keeps them, or nobody does."""


def request_id_of(bulk: str, row: int) -> str:
    """Return the request id under which a row is started, however often: the same start for the same row."""
    return f"{bulk}-{row}"


_ROW_REQUEST = re.compile(r"(bulk-[0-9a-f]{16})-([1-9][0-9]{0,8})")


def row_of(request_id: str) -> tuple[str, int] | None:
    """Return the bulk and the number of the row whose request id this is; None for any other id."""
    named = _ROW_REQUEST.fullmatch(request_id)
    return None if named is None else (named[1], int(named[2]))

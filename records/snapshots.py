"""Which transactions run beside this one, by PostgreSQL's numbers of them: what they add may come below what was read."""

from typing import LiteralString

from sqlalchemy import text
from sqlalchemy.orm import Session

_OLDEST_RUNNING: LiteralString = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_NEXT_TO_RUN: LiteralString = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"


def oldest_running(session: Session) -> int:
    """Return the oldest transaction that has not ended."""
    return int(session.execute(text(_OLDEST_RUNNING)).scalar_one())


def next_to_run(session: Session) -> int:
    """Return the first transaction that has not begun."""
    return int(session.execute(text(_NEXT_TO_RUN)).scalar_one())

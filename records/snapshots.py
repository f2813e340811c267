"""Which transactions write to the audit trail beside this one: what they add may come below what was read.

PostgreSQL's own snapshots count the transactions of every database of its server, and one that an organization leaves open in its own would
keep the trail waiting. A transaction that writes to a table has a lock on it until it ends, and takes it before the number of an entry.
"""

from dataclasses import dataclass
from typing import LiteralString

from sqlalchemy import text
from sqlalchemy.orm import Session

NEVER = 1 << 62
"""A number that no transaction has."""

# A number of 32 bits is that of the transaction nearest to the next one. One that has no number yet may get any from there on.
_WRITERS: LiteralString = """
    WITH held AS MATERIALIZED (SELECT * FROM pg_locks WHERE granted),
    next AS MATERIALIZED (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS number),
    writers AS (
        SELECT w.virtualtransaction, min(((x.transactionid::text::bigint - n.number) % 4294967296 + 6442450944) % 4294967296
                   - 2147483648 + n.number) AS number
        FROM held w CROSS JOIN next n LEFT JOIN held x
            ON x.virtualtransaction = w.virtualtransaction AND x.locktype = 'transactionid' AND x.mode = 'ExclusiveLock'
        WHERE w.locktype = 'relation' AND w.mode = 'RowExclusiveLock' AND w.relation = 'audit_trail'::regclass
            AND w.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND w.pid IS DISTINCT FROM pg_backend_pid()
        GROUP BY w.virtualtransaction
    )
    SELECT n.number, min(w.number), max(w.number), count(w.virtualtransaction) FILTER (WHERE w.number IS NULL)
    FROM next n LEFT JOIN writers w ON true GROUP BY n.number
"""


@dataclass(frozen=True)
class Writers:
    """The transactions beside this one that have written to the trail, or are about to: none else adds an entry of a number given by now."""

    oldest: int
    """The lowest of their numbers; without any, one that no transaction has had."""
    beyond: int
    """A number above theirs: once the oldest is as high, all of them have ended. 0 if there are none."""


def writers(session: Session) -> Writers:
    """Return who writes to the trail now."""
    next_number, lowest, highest, unnumbered = session.execute(text(_WRITERS)).one()
    if unnumbered:
        return Writers(oldest=0, beyond=NEVER)
    return Writers(oldest=lowest or next_number, beyond=(highest or -1) + 1)

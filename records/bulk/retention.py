"""The words of bulks: names of files, reasons, and the sentences in which rows were refused, which may quote what a file said.

They are removed as long after the end of their bulk as those of a case under a policy that names no months, and not under a legal hold on
an organization of its rows. What stays are days, states, numbers, codes and actors.
"""

from datetime import datetime
from typing import LiteralString

from sqlalchemy import CursorResult, text

from domain.policy import STANDARD_RETENTION
from domain.privacy import REMOVED
from records.transaction import Transaction

BULKS_WITH_ENDS: LiteralString = """
    SELECT b.*, b.ended_at + make_interval(months => :standard) AS kept_until, EXISTS (
        SELECT FROM holds h WHERE h.released_at IS NULL
        AND (h.organization = b.organization OR h.organization IN (SELECT r.organization FROM bulk_rows r WHERE r.bulk = b.id))
    ) AS held FROM bulks b
"""
"""Every bulk, with the instant until which its words are kept, and whether a legal hold keeps them for longer."""
_DUE: LiteralString = f"SELECT e.id FROM ({BULKS_WITH_ENDS}) e WHERE e.kept_until <= :at AND NOT e.held"  # noqa: S608 - a constant
_FORGET: tuple[LiteralString, ...] = (
    f"""
    UPDATE bulk_rows SET refusal = jsonb_build_object('code', refusal -> 'code', 'message', CAST(:removed AS text))
    WHERE (bulk, number) IN (
        SELECT r.bulk, r.number FROM bulk_rows r WHERE r.refusal ->> 'message' <> :removed AND r.bulk IN ({_DUE}) LIMIT :most
    )
    """,  # noqa: S608 - constants of this module
    f"""
    UPDATE bulks SET source = CASE kind WHEN 'rows' THEN :removed ELSE source END, reason = :removed,
        confirmed_because = CASE WHEN confirmed_because IS NOT NULL THEN :removed END,
        halted_because = CASE WHEN halted_because IS NOT NULL THEN :removed END
    WHERE id IN (SELECT b.id FROM bulks b WHERE b.reason <> :removed AND b.id IN ({_DUE}) LIMIT :most)
    """,  # noqa: S608 - constants of this module
    # The database lets no younger words go.
    f"""
    UPDATE audit_trail SET why = NULL, why_digest = COALESCE(why_digest, encode(sha256(convert_to(why, 'UTF8')), 'hex'))
    WHERE id IN (
        SELECT a.id FROM audit_trail a WHERE a.why IS NOT NULL AND a.action LIKE 'bulk.%' AND a.at < now() - interval '28 days'
        AND a.after ->> 'bulk' IN ({_DUE}) LIMIT :most
    )
    """,  # noqa: S608 - constants of this module
)


def forget_bulks(transaction: Transaction, *, at: datetime, most: int) -> int:
    """Remove the words of bulks that ended long enough ago; return how many there were in the place that had most of them."""
    values = {"removed": REMOVED, "standard": STANDARD_RETENTION, "at": at, "most": most}
    counted = [0]
    for statement in _FORGET:
        done = transaction.session.execute(text(statement), values)
        assert isinstance(done, CursorResult)  # noqa: S101 - as of every UPDATE
        counted.append(done.rowcount)
    return max(counted)

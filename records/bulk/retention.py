"""The words of refused rows, which may quote what a file said: removed as long after the end of their bulk as those of a case."""

from datetime import datetime

from sqlalchemy import CursorResult, text

from domain.policy import STANDARD_RETENTION
from domain.privacy import REMOVED
from records.transaction import Transaction

_FORGET = text("""
    UPDATE bulk_rows SET refusal = jsonb_build_object('code', refusal -> 'code', 'message', CAST(:removed AS text))
    WHERE (bulk, number) IN (
        SELECT r.bulk, r.number FROM bulk_rows r JOIN bulks b ON b.id = r.bulk
        WHERE b.ended_at + make_interval(months => :months) <= :at AND r.refusal ->> 'message' <> :removed LIMIT :most
    )
""")


def forget_refused_rows(transaction: Transaction, *, at: datetime, most: int) -> int:
    """Remove the words in which rows were refused whose bulk ended long enough ago; return how many there were."""
    values = {"removed": REMOVED, "months": STANDARD_RETENTION, "at": at, "most": most}
    done = transaction.session.execute(_FORGET, values)
    assert isinstance(done, CursorResult)  # noqa: S101 - as of every UPDATE
    return done.rowcount

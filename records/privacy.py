"""The retention of personal data: ended cases are forgotten after the time of their policy, and the facts of them stay.

Addresses, names, letters and everybody's own words are removed; days, stages, codes and actors stay. Nothing is removed under a legal
hold, before the last message is delivered, or before the data of a closed case is erased.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain.actors import THE_SERVICE
from domain.cancellation.identity import IDENTITY_POINTS
from domain.cases import CaseRef
from domain.policy import STANDARD_RETENTION
from domain.privacy import REMOVED, Kept
from records import audit
from records.bulk.retention import BULKS_WITH_ENDS
from records.transaction import Transaction
from storage.tables import CASE_TABLES, CancellationRow, OrganizationRow

_NO_REASON: LiteralString = (
    "why = NULL, why_digest = COALESCE(why_digest, encode(sha256(convert_to(why, 'UTF8')), 'hex'))"
)
"""A reason is removed, and its digest kept, so that the seals on the audit trail hold."""
_LONG_AGO: LiteralString = "now() - interval '28 days'"
"""As the rule of the audit trail has it, which lets no younger words go."""

_CASES: LiteralString = """
    SELECT c.id, s.organization, c.ended_at, c.end_recorded_at, c.forgotten_at, c.id AS cancellation, NULL AS marketing_cancellation,
           c.stage <> 'closed' OR c.subscription_line IS NOT NULL
               OR EXISTS (SELECT FROM erasures e WHERE e.cancellation = c.id AND e.finished_at IS NOT NULL) AS erased
    FROM cancellations c JOIN subscriptions s ON s.id = c.subscription
    UNION ALL
    SELECT m.id, m.organization, m.ended_at, m.end_recorded_at, m.forgotten_at, NULL, m.id, true FROM marketing_cancellations m
"""
_WITH_ENDS: LiteralString = f"""
    SELECT k.*, k.ended_at + make_interval(months => COALESCE(p.retention_months, :standard)::int) AS kept_until,
           EXISTS (SELECT FROM holds h WHERE h.organization = k.organization AND h.released_at IS NULL) AS held
    FROM ({_CASES}) k JOIN organizations o ON o.id = k.organization JOIN policies p ON p.name = o.policy
"""  # noqa: S608 - constants of this module
_KEPT_UNTIL: LiteralString = f"SELECT k.kept_until FROM ({_WITH_ENDS}) k WHERE k.id = :case"  # noqa: S608 - a constant
_DUE: LiteralString = f"""
    SELECT k.id, k.organization FROM ({_WITH_ENDS}) k
    WHERE k.forgotten_at IS NULL AND k.ended_at IS NOT NULL AND k.kept_until <= :at AND NOT k.held AND k.erased
    AND k.end_recorded_at < {_LONG_AGO}
    AND NOT EXISTS (
        SELECT FROM messages m WHERE (m.cancellation = k.cancellation OR m.marketing_cancellation = k.marketing_cancellation)
        AND m.channel = 'mail' AND m.delivered_at IS NULL AND m.failed_at IS NULL
    )
    AND (CAST(:case AS text) IS NULL OR k.id = :case)
    ORDER BY k.ended_at, k.id LIMIT :most
"""  # noqa: S608 - constants of this module

# The organization of an entry that names no case: that of the subscription, or, of a marketing service, the one named.
_REFUSED: LiteralString = """
    SELECT a.id, COALESCE(a.subscription, a.cancellation) AS about, a.why,
           a.at + make_interval(months => COALESCE(p.retention_months, :standard)::int) AS kept_until,
           EXISTS (SELECT FROM holds h WHERE h.organization = o.id AND h.released_at IS NULL) AS held
    FROM audit_trail a LEFT JOIN subscriptions s ON s.id = a.subscription
    LEFT JOIN organizations o ON o.id = COALESCE(s.organization, split_part(a.cancellation, '/', 1))
    LEFT JOIN policies p ON p.name = o.policy
    WHERE a.why IS NOT NULL
    AND a.action IN ('cancellation.refused', 'line_cancellation.refused', 'marketing_cancellation.refused')
"""
_FORGET_REFUSED: LiteralString = f"""
    UPDATE audit_trail SET {_NO_REASON}
    WHERE id IN (SELECT r.id FROM ({_REFUSED}) r WHERE r.kept_until <= :at AND NOT r.held ORDER BY r.id LIMIT :most)
"""  # noqa: S608 - constants of this module

_REMOVALS: dict[str, LiteralString] = {
    "answers": """
        UPDATE checklist_answers SET answer = :removed WHERE cancellation = :case AND question = ANY(:identity)
    """,
    "messages": """
        UPDATE messages SET content = '{}'::jsonb, recipient = CASE channel WHEN 'mail' THEN :removed ELSE recipient END,
            failed_at = CASE WHEN delivered_at IS NULL THEN COALESCE(failed_at, now()) END,
            failure = CASE WHEN delivered_at IS NULL THEN COALESCE(failure, 'Its content was removed after its time.') END
        WHERE cancellation = :case OR marketing_cancellation = :case
    """,
    "contacts": """
        UPDATE on_premises_migrations SET contact = :removed WHERE cancellation = :case AND contact IS NOT NULL
    """,
    "refusals": """
        UPDATE requests SET refusal = jsonb_build_object('code', refusal->'code', 'message', CAST(:removed AS text))
        WHERE cancellation = ANY(:cases) AND refusal IS NOT NULL
    """,
    # An entry whose seal counts words within a change as they are keeps those; the reason always counts by its digest.
    "entries": f"""
        UPDATE audit_trail SET {_NO_REASON}, before = left_of.before, after = left_of.after
        FROM (
            SELECT a.id AS entry, CASE WHEN old.entry IS NULL THEN audit_without_words(a.before) ELSE a.before END AS before,
                   CASE WHEN old.entry IS NULL THEN audit_without_words(a.after) ELSE a.after END AS after
            FROM audit_trail a LEFT JOIN (
                SELECT s.entry FROM audit_sealed s JOIN audit_seals l ON l.number = s.seal WHERE l.form = 1
            ) old ON old.entry = a.id
            WHERE a.cancellation = :case AND a.at < {_LONG_AGO}
        ) left_of
        WHERE id = left_of.entry AND (
            why IS NOT NULL OR (audit_trail.before, audit_trail.after) IS DISTINCT FROM (left_of.before, left_of.after)
        )
    """,  # noqa: S608 - constants of this module
}
"""What is removed of a case, beside the words in its own row."""

_FORGET_LATE: LiteralString = f"""
    UPDATE audit_trail SET {_NO_REASON}
    WHERE id IN (
        SELECT a.id FROM audit_trail a JOIN ({_WITH_ENDS}) k ON k.id = a.cancellation
        WHERE a.why IS NOT NULL AND a.at < {_LONG_AGO} AND a.at > :at - interval '400 days'
        AND k.forgotten_at IS NOT NULL AND NOT k.held AND k.end_recorded_at < {_LONG_AGO}
        ORDER BY a.id LIMIT :most
    ) RETURNING cancellation
"""  # noqa: S608 - constants of this module


def due_cases(session: Session, at: datetime, *, most: int) -> list[str]:
    """Return ended cases whose time is over at an instant, and that nothing keeps, oldest first."""
    return [case for case, _ in _due(session, at, most=most)]


def forget(transaction: Transaction, case: str, *, at: datetime) -> bool:
    """Remove the personal data of a case; return False, with nothing changed, if it is no longer due."""
    session = transaction.session
    row = session.get_one(CASE_TABLES[CaseRef.parse(case).kind].row, case, with_for_update=True)
    for _, organization in _due(session, at, case=case, most=1):
        # A legal hold that is placed at this moment comes before or after.
        session.execute(select(OrganizationRow.id).where(OrganizationRow.id == organization).with_for_update(read=True))
    if not _due(session, at, case=case, most=1):
        return False
    values = {
        "case": case,
        "cases": [case],
        "removed": REMOVED,
        "identity": [point.value for point in IDENTITY_POINTS],
    }
    counted = {
        name: session.execute(text(statement), values).rowcount  # type: ignore[attr-defined]
        for name, statement in _REMOVALS.items()
    }
    if isinstance(row, CancellationRow):
        row.reason = None
        row.goodwill_reason = REMOVED if row.goodwill_reason is not None else None
    row.forgotten_at = at
    session.flush()
    audit.record(
        transaction,
        "personal_data.removed",
        actor=THE_SERVICE,
        at=at,
        step=f"{case}:personal-data-removed",
        subscription=CaseRef.parse(case).subscription,
        cancellation=case,
        after=counted,
    )
    return True


def forget_late_words(transaction: Transaction, *, at: datetime, most: int) -> int:
    """Remove the words of entries that came to a case later, or were too young when it was forgotten; return how many.

    The database keeps every entry for 28 days. What came within some months before is looked at, by a run each day.
    """
    values = {"at": at, "most": most, "standard": STANDARD_RETENTION}
    cases = transaction.session.execute(text(_FORGET_LATE), values).scalars().all()
    transaction.session.execute(text(_REMOVALS["refusals"]), {"cases": list(set(cases)), "removed": REMOVED})
    return len(cases)


def forget_refused_starts(transaction: Transaction, *, at: datetime, most: int) -> int:
    """Remove the words of starts that were refused and opened no case, by the same months; return how many there were."""
    values = {"at": at, "most": most, "standard": STANDARD_RETENTION}
    removed: int = transaction.session.execute(text(_FORGET_REFUSED), values).rowcount  # type: ignore[attr-defined]
    return removed


def kept_until(session: Session, case: str) -> datetime | None:
    """Return the instant from which the personal data of a case is removed, by its present policy; None while it runs."""
    until: datetime | None = session.scalar(text(_KEPT_UNTIL), {"case": case, "standard": STANDARD_RETENTION})
    return until


def find(session: Session, address: str) -> Sequence[Kept]:
    """Return everything that is kept about a person, by an address of theirs, whatever its case."""
    # The address alone, and not the end of a longer one; in a sentence a full stop may follow.
    whole = rf"(?<![a-z0-9._%+-]){re.escape(address.strip().lower())}(?![a-z0-9-]|\.[a-z0-9])"
    rows = session.execute(text(_FIND), {"pattern": whole, "standard": STANDARD_RETENTION})
    return [Kept.model_validate(row) for row in rows]


def _due(session: Session, at: datetime, *, most: int, case: str | None = None) -> list[tuple[str, str]]:
    values = {"at": at, "most": most, "case": case, "standard": STANDARD_RETENTION}
    return [(row.id, row.organization) for row in session.execute(text(_DUE), values)]


def _naming(column: LiteralString) -> LiteralString:
    # JSON writes the end of a line, and a tab, as letters.
    return "regexp_replace(lower(" + column + "), '\\\\[ntr]', ' ', 'g') ~ :pattern"


_FIND: LiteralString = (
    f"""
    WITH k AS ({_WITH_ENDS}), found AS (
        SELECT 'checklist' AS place, cancellation AS case, count(*) AS number FROM checklist_answers
        WHERE """  # noqa: S608 - constants of this module
    + _naming("answer")
    + """ GROUP BY cancellation
        UNION ALL
        SELECT 'reason', id, 1 FROM cancellations WHERE """
    + _naming("concat_ws(' ', reason, goodwill_reason)")
    + """
        UNION ALL
        SELECT 'letter', COALESCE(cancellation, marketing_cancellation), count(*) FROM messages WHERE run IS NULL AND """
    + _naming("recipient || ' ' || content::text")
    + """ GROUP BY 2
        UNION ALL
        SELECT 'contact', cancellation, 1 FROM on_premises_migrations WHERE """
    + _naming("contact")
    + """
        UNION ALL
        SELECT 'audit_trail', COALESCE(cancellation, subscription, 'no case'), count(*) FROM audit_trail
        WHERE (action NOT LIKE '%.refused' OR cancellation IN (SELECT id FROM k))
        AND (action LIKE 'bulk.%' AND after ? 'bulk') IS NOT TRUE AND """
    + _naming("concat_ws(' ', why, before::text, after::text)")
    + """ GROUP BY 2
        UNION ALL
        SELECT 'refusal', cancellation, count(*) FROM requests WHERE """
    + _naming("refusal::text")
    + """ GROUP BY cancellation
    )
    SELECT 'organization' AS place, id AS about, 1 AS number, NULL::timestamptz AS until, false AS held
    FROM organizations WHERE """
    + _naming("billing_administrator")
    + """
    UNION ALL
    SELECT 'marketing_service', organization, 1, NULL, false FROM marketing_services WHERE """
    + _naming("billing_administrator")
    + """
    UNION ALL
    SELECT 'support_queue', name, 1, NULL, false FROM support_queues WHERE """
    + _naming("mail")
    + """
    UNION ALL
    SELECT 'webhook_endpoint', name, 1, NULL, false FROM webhook_endpoints WHERE """
    + _naming("concat_ws(' ', owner, paused_because)")
    + """
    UNION ALL
    SELECT named.place, e.id, sum(named.number), e.kept_until, e.held FROM (
        SELECT 'bulk' AS place, bulk, count(*) AS number FROM bulk_rows WHERE """
    + _naming("concat_ws(' ', subscription, start::text, refusal::text)")
    + """ GROUP BY bulk
        UNION ALL
        SELECT 'bulk', id, 1 FROM bulks WHERE """
    + _naming("concat_ws(' ', source, reason, confirmed_because, halted_because)")
    + """
        UNION ALL
        SELECT 'audit_trail', after ->> 'bulk', count(*) FROM audit_trail WHERE action LIKE 'bulk.%' AND """
    + _naming("concat_ws(' ', why, before::text, after::text)")
    + """ GROUP BY 2
    ) named JOIN ("""
    + BULKS_WITH_ENDS
    + """) e ON e.id = named.bulk GROUP BY 1, 2, 4, 5
    UNION ALL
    SELECT 'audit_trail', about, count(*), max(kept_until), bool_or(held) FROM ("""
    + _REFUSED
    + """) refused
    WHERE """
    + _naming("why")
    + """ GROUP BY about
    UNION ALL
    SELECT found.place, found.case, found.number, k.kept_until, COALESCE(k.held, false)
    FROM found LEFT JOIN k ON k.id = found.case
    ORDER BY 1, 2
"""
)

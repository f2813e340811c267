"""The seals on the audit trail: made from time to time over what has come since, and verified on request.

Entries come in any order of their numbers: a transaction that takes long may add one after others with higher numbers are sealed.
So a seal names its entries, and each of them is under one seal. Everything is calculated by PostgreSQL, from columns
in a form that no setting changes.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import LiteralString

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from domain.audit_seals import NO_HEAD, AuditVerification, SealBroken, SealedHead, head_after
from records.snapshots import writers
from records.transaction import Transaction
from storage.tables import AuditSealedRow, AuditSealRow

MOST = 10_000
"""The largest number of entries under one seal."""
_FINDINGS = 100
_SEALS_AT_ONCE = 100
_SEALED_WITHIN = timedelta(minutes=5)
_OVERDUE_AFTER = timedelta(hours=3)
"""The time after which an entry is under a seal wherever a reconciliation runs every hour."""

FORM = 2
"""The form of the digests of new seals."""

# Somebody's own words count by their digest, so that they can be removed (`records.privacy`).
_DIGEST: LiteralString = """encode(sha256(convert_to(jsonb_build_array(
    a.id, to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), a.actor, a.action,
    COALESCE(a.why_digest, encode(sha256(convert_to(a.why, 'UTF8')), 'hex')), a.subscription, a.subscription_line,
    a.cancellation, CASE l.form WHEN 1 THEN a.before ELSE audit_without_words(a.before) END,
    CASE l.form WHEN 1 THEN a.after ELSE audit_without_words(a.after) END, a.step, a.run)::text, 'UTF8')), 'hex')"""
_TAKE: LiteralString = """
    INSERT INTO audit_sealed (entry, seal)
    SELECT a.id, :number FROM audit_trail a
    WHERE a.id > :settled AND NOT EXISTS (SELECT FROM audit_sealed s WHERE s.entry = a.id)
    ORDER BY a.id LIMIT :most
"""
_DIGESTS: LiteralString = f"""
    SELECT s.seal, count(*) AS entries, max(s.entry) AS newest,
           encode(sha256(convert_to(string_agg({_DIGEST}, '' ORDER BY a.id), 'UTF8')), 'hex') AS digest
    FROM audit_sealed s JOIN audit_trail a ON a.id = s.entry
    LEFT JOIN audit_seals l ON l.number = s.seal
    WHERE s.seal BETWEEN :first AND :last GROUP BY s.seal
"""  # noqa: S608 - constants of this module
_UNSEALED: LiteralString = """
    SELECT count(*), count(*) FILTER (WHERE a.id <= :settled),
           count(*) FILTER (WHERE a.id > :settled AND (a.id <= :passed OR (:stopped AND a.at < :overdue)))
    FROM audit_trail a WHERE NOT EXISTS (SELECT FROM audit_sealed s WHERE s.entry = a.id)
"""
_TURN: LiteralString = "SELECT pg_advisory_xact_lock(hashtext('offramp audit seals'))"


def seal(transaction: Transaction, *, at: datetime, most: int = MOST) -> int:
    """Put the entries that are under no seal under a new one, and return how many there were; without any, nothing is done."""
    session = transaction.session
    session.execute(text(_TURN))
    before = _newest(session)
    number = before.number + 1 if before else 1
    settled = before.settled_until if before else 0
    oldest_running = writers(session).oldest
    taken: int = session.execute(text(_TAKE), {"number": number, "settled": settled, "most": most}).rowcount  # type: ignore[attr-defined]
    if not taken:
        return 0
    _, entries, newest, digest = session.execute(text(_DIGESTS), {"first": number, "last": number}).one()
    if taken < most:
        # This look missed nothing: what may still have come below an earlier seal's newest entry is sealed by now.
        ended = select(func.max(AuditSealRow.newest_entry)).where(AuditSealRow.running <= oldest_running)
        settled = max(settled, session.scalar(ended) or 0)
    session.add(
        AuditSealRow(
            number=number,
            entries=entries,
            digest=digest,
            head=head_after(before.head if before else NO_HEAD, number, entries, digest),
            sealed_at=at,
            newest_entry=newest,
            # Asked after they were taken: whoever holds a lower number than theirs is among them by now.
            form=FORM,
            running=writers(session).beyond,
            settled_until=settled,
        )
    )
    session.flush()
    return taken


def newest_head(session: Session) -> SealedHead | None:
    """Return the head of the chain; None before the first seal."""
    return _head(_newest(session))


def head_published_with(session: Session, written_at: datetime) -> SealedHead | None:
    """Return the head that a message of this instant carries, the same in every attempt to deliver it.

    A seal that is being written while a message is must not be in one attempt and not in another.
    """
    row = session.scalar(
        select(AuditSealRow)
        .where(AuditSealRow.sealed_at <= written_at - _SEALED_WITHIN)
        .order_by(AuditSealRow.number.desc())
        .limit(1)
    )
    return _head(row)


def verify(session: Session, kept: tuple[int, str] | None = None, *, at: datetime) -> AuditVerification:
    """Calculate every seal anew; ``kept`` is a head that somebody has kept, and that must be in the chain.

    An entry that no seal takes can still be changed unseen, so one that has waited for hours at the instant ``at`` is a finding.
    In one repeatable-read transaction, it sees the trail at one moment.
    """
    broken: list[SealBroken] = []
    seals = entries = 0
    head = NO_HEAD
    newest: AuditSealRow | None = None
    for row, found, digest in _seals(session):
        seals += 1
        entries += found
        if row.number != seals:
            broken.append(
                SealBroken(seal=row.number, why=f"the seal before it has the number {newest.number if newest else 0}")
            )
            seals = row.number
        if found != row.entries:
            broken.append(SealBroken(seal=row.number, why=f"{found} entries are left of {row.entries}"))
        elif digest != row.digest:
            broken.append(SealBroken(seal=row.number, why="an entry is not as it was sealed"))
        if row.head != head_after(head, row.number, row.entries, row.digest):
            broken.append(SealBroken(seal=row.number, why="it does not continue the chain"))
        if kept is not None and kept[0] == row.number and kept[1] != row.head:
            broken.append(SealBroken(seal=row.number, why="its head is not the one that was kept"))
        head, newest = row.head, row
    if kept is not None and kept[0] > (newest.number if newest else 0):
        broken.append(SealBroken(seal=kept[0], why="the seal of the head that was kept is gone"))
    stray = session.scalar(select(func.count()).select_from(AuditSealedRow)) or 0
    if stray != entries:
        broken.append(
            SealBroken(seal=seals, why=f"{stray} entries are marked as sealed, and {entries} are under seals")
        )
    unsealed, late = _unsealed(session, newest, seals, at)
    broken += late
    return AuditVerification(
        seals=seals,
        entries=entries,
        unsealed=unsealed,
        newest=_head(newest),
        broken=tuple(broken[:_FINDINGS]),
    )


def _unsealed(session: Session, newest: AuditSealRow | None, seals: int, at: datetime) -> tuple[int, list[SealBroken]]:
    """Return the number of the entries under no seal, and what is wrong with some of them."""
    # An entry may bear an earlier date than that of its making: what a seal of long ago has passed by is overdue for certain.
    overdue_since = at - _OVERDUE_AFTER
    passed = select(func.max(AuditSealRow.newest_entry)).where(AuditSealRow.sealed_at < overdue_since)
    given = {
        "settled": newest.settled_until if newest else 0,
        "passed": session.scalar(passed) or 0,
        "stopped": newest is None or newest.sealed_at < overdue_since,
        "overdue": overdue_since,
    }
    unsealed, missed, overdue = session.execute(text(_UNSEALED), given).one()
    found = []
    if missed:
        found.append(SealBroken(seal=seals, why=f"{missed} entries before it are under no seal, and never will be"))
    if overdue:
        hours = round(_OVERDUE_AFTER / timedelta(hours=1))
        found.append(
            SealBroken(seal=seals + 1, why=f"{overdue} entries have waited for it for more than {hours} hours")
        )
    return unsealed, found


def _seals(session: Session) -> Iterator[tuple[AuditSealRow, int, str | None]]:
    """Go through the seals in order, each with the number of its entries and their digest as they are now."""
    after = 0
    while rows := session.scalars(
        select(AuditSealRow).where(AuditSealRow.number > after).order_by(AuditSealRow.number).limit(_SEALS_AT_ONCE)
    ).all():
        span = {"first": rows[0].number, "last": rows[-1].number}
        digests = {number: (count, digest) for number, count, _, digest in session.execute(text(_DIGESTS), span)}
        for row in rows:
            yield (row, *digests.get(row.number, (0, None)))
        after = rows[-1].number
        session.expunge_all()


def _newest(session: Session) -> AuditSealRow | None:
    return session.scalar(select(AuditSealRow).order_by(AuditSealRow.number.desc()).limit(1))


def _head(row: AuditSealRow | None) -> SealedHead | None:
    return SealedHead(seal=row.number, head=row.head, sealed_at=row.sealed_at) if row else None

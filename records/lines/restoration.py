"""The restoration of what a run of the update of line dates changed, from its rows in the audit trail, chunk by chunk.

Each chunk is one transaction. A line that was taken back has a row of its own under a key of the run and the line, so that a
repetition continues where the last one ended, and in the end changes nothing. Like the update, it waits for nobody's lock.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.lines.restoration import (
    LineLocked,
    RunChange,
    RunInProgress,
    RunRestored,
    RunUnknown,
    check_restorable,
)
from domain.lines.runs import FailedLine
from domain.refusals import Refusal
from records import audit
from records.lines.nightly import FAILURES_KEPT
from records.lines.rows import dates_of
from records.transaction import Transaction
from storage.tables import AuditRow, ContractLineRow, LineDatesRunRow, SubscriptionLineRow, SubscriptionRow

CHUNK_LINES = 1_000
"""The number of lines that one transaction takes back."""

LINE_RESTORED = "line.restored"

_DATES = ("term_until", "cancellation_possible_until", "end_date", "closed")

# A run changes a line twice where somebody moved its dates, or invoiced it, between two passes.
_CHANGES = text("""
    WITH changed AS (
        SELECT subscription_line AS line, min(id) AS first_row, max(id) AS last_row
        FROM audit_trail
        WHERE run = :run AND subscription_line > :after AND action IN ('line.closed', 'line.term_rolled')
        GROUP BY subscription_line ORDER BY subscription_line LIMIT :limit
    )
    SELECT c.line, f.subscription, c.first_row, f.before, l.after
    FROM changed c JOIN audit_trail f ON f.id = c.first_row JOIN audit_trail l ON l.id = c.last_row
    ORDER BY c.line
""")

# Runs that were taken back themselves left no change.
_CHANGED_SINCE = text("""
    SELECT DISTINCT since.subscription_line
    FROM unnest(CAST(:lines AS text[]), CAST(:first_rows AS bigint[])) AS c(line, first_row)
    JOIN audit_trail since ON since.subscription_line = c.line AND since.id > c.first_row
    WHERE since.run IS DISTINCT FROM :run AND since.after ?| CAST(:dates AS text[])
        AND NOT EXISTS (
            SELECT FROM audit_trail restored
            WHERE restored.subscription_line = c.line AND restored.run = since.run AND restored.action = :restored
        )
""")

_PROVISIONS_ENDED = text("""
    SELECT DISTINCT ON (subscription) subscription, before, after FROM audit_trail
    WHERE run = :run AND subscription = ANY (CAST(:subscriptions AS text[])) AND action = 'subscription.provision_ended'
    ORDER BY subscription, id DESC
""")


class RestoredChunk(BaseModel):
    """The result of one chunk."""

    model_config = ConfigDict(frozen=True)

    restored: int = 0
    restored_before: int = 0
    left: tuple[FailedLine, ...] = ()
    last_line: str | None = None
    """The line to continue after; None at the end of the run's lines."""

    def added_to(self, so_far: RunRestored) -> RunRestored:
        """Return the result of a restoration with this chunk."""
        return RunRestored(
            run=so_far.run,
            restored=so_far.restored + self.restored,
            restored_before=so_far.restored_before + self.restored_before,
            left=so_far.left + len(self.left),
            left_lines=(*so_far.left_lines, *self.left)[:FAILURES_KEPT],
        )


@dataclass(frozen=True)
class _Locked:
    """The rows of a chunk that are locked now; others are not among them."""

    lines: Mapping[str, SubscriptionLineRow]
    contract_lines: Mapping[str, ContractLineRow]
    subscriptions: Mapping[str, SubscriptionRow]
    on_contract: frozenset[str]
    """The lines that are on a contract, locked or not."""

    def has(self, change: RunChange) -> bool:
        """Return true if everything that a change concerns is locked."""
        if change.line not in self.lines:
            return False
        if not change.after["closed"]:
            return True
        return change.subscription in self.subscriptions and (
            change.line not in self.on_contract or change.line in self.contract_lines
        )


def check_ended(session: Session, run: str) -> None:
    """Refuse a run that is not there, or whose end is not recorded.

    Raises:
        RunUnknown, RunInProgress.

    """
    row = session.get(LineDatesRunRow, run)
    if row is None:
        raise RunUnknown(run)
    if row.finished_at is None:
        raise RunInProgress(run)


def restore_chunk(
    transaction: Transaction, run: str, *, actor: str, why: str, at: datetime, after: str = "", limit: int = CHUNK_LINES
) -> RestoredChunk:
    """Take back what a run did to its next lines, by id from the one after ``after``.

    A line that was changed since, that is under a cancellation now, or that another transaction has locked is left as it is.
    """
    session = transaction.session
    found = session.execute(_CHANGES, {"run": run, "after": after, "limit": limit}).all()
    if not found:
        return RestoredChunk()
    first_rows = {row.line: row.first_row for row in found}
    changes = [RunChange(row.line, row.subscription, row.before, row.after) for row in found]
    locked = _lock(session, changes)
    done = _restored_before(session, run, first_rows)
    changed_since = _changed_since(session, run, first_rows)
    restored, left = [], []
    for change in changes:
        if change.line in done:
            continue
        try:
            if not locked.has(change):
                raise LineLocked(change.line)
            line = locked.lines[change.line]
            present = dates_of(line) | {"closed": line.closed}
            check_restorable(run, change, present, frozen_by=line.frozen_by, changed_since=change.line in changed_since)
        except Refusal as refusal:
            left.append(_left(change, refusal))
        else:
            restored.append(change)
    _restore(locked, restored)
    _audit(session, run, restored, actor=actor, why=why, at=at)
    _restore_provisions(session, run, locked, restored, actor=actor, why=why, at=at)
    return RestoredChunk(
        restored=len(restored), restored_before=len(done), left=tuple(left), last_line=changes[-1].line
    )


def _lock(session: Session, changes: Sequence[RunChange]) -> _Locked:
    closed = [change for change in changes if change.after["closed"]]
    of_lines = [change.line for change in closed]
    subscriptions = session.scalars(
        select(SubscriptionRow)
        .where(SubscriptionRow.id.in_({change.subscription for change in closed}))
        .with_for_update(skip_locked=True, key_share=True)
    )
    on_contract = select(ContractLineRow).where(ContractLineRow.subscription_line.in_(of_lines))
    contract_lines = session.scalars(on_contract.with_for_update(skip_locked=True, key_share=True))
    lines = session.scalars(
        select(SubscriptionLineRow)
        .where(SubscriptionLineRow.id.in_([change.line for change in changes]))
        .with_for_update(skip_locked=True, key_share=True)
    )
    return _Locked(
        lines={row.id: row for row in lines},
        contract_lines={row.subscription_line: row for row in contract_lines},
        subscriptions={row.id: row for row in subscriptions},
        on_contract=frozenset(row.subscription_line for row in session.scalars(on_contract)),
    )


def _restored_before(session: Session, run: str, lines: Iterable[str]) -> set[str]:
    keys = {_key(run, line): line for line in lines}
    return {keys[step] for step in audit.taken_of(session, keys)}


def _changed_since(session: Session, run: str, first_rows: Mapping[str, int]) -> set[str]:
    parameters = {
        "run": run,
        "lines": list(first_rows),
        "first_rows": list(first_rows.values()),
        "dates": list(_DATES),
        "restored": LINE_RESTORED,
    }
    return set(session.scalars(_CHANGED_SINCE, parameters))


def _restore(locked: _Locked, changes: Sequence[RunChange]) -> None:
    for change in changes:
        line = locked.lines[change.line]
        line.term_until = _day(change.before["term_until"])
        line.cancellation_possible_until = _day(change.before["cancellation_possible_until"])
        if line.closed:
            line.closed = False
            if (place := locked.contract_lines.get(change.line)) is not None:
                place.closed = False


def _audit(session: Session, run: str, changes: Sequence[RunChange], *, actor: str, why: str, at: datetime) -> None:
    session.flush()
    if not changes:
        return
    session.execute(
        insert(AuditRow).on_conflict_do_nothing(index_elements=[AuditRow.step]),
        [
            {
                "at": at,
                "actor": actor,
                "action": LINE_RESTORED,
                "step": _key(run, change.line),
                "why": f"{why} (takes back {run})",
                "subscription": change.subscription,
                "subscription_line": change.line,
                "before": change.after,
                "after": change.before,
                "run": run,
            }
            for change in changes
        ],
    )


def _restore_provisions(
    session: Session,
    run: str,
    locked: _Locked,
    changes: Sequence[RunChange],
    *,
    actor: str,
    why: str,
    at: datetime,
) -> None:
    """Give subscriptions that have an open line again the provision end date from before the run, if it set another one."""
    reopened = {change.subscription for change in changes if change.after["closed"]}
    ended = session.execute(_PROVISIONS_ENDED, {"run": run, "subscriptions": sorted(reopened)}).all()
    for row in ended:
        subscription = locked.subscriptions[row.subscription]
        if subscription.provision_end_date != _day(row.after["provision_end_date"]):
            continue
        # Rows of versions before 0.3 do not say what it was; while lines were open, there was none.
        was = (row.before or {}).get("provision_end_date")
        subscription.provision_end_date = _day(was)
        session.add(
            AuditRow(
                at=at,
                actor=actor,
                action="subscription.provision_restored",
                why=f"{why} (takes back {run})",
                subscription=row.subscription,
                before=row.after,
                after={"provision_end_date": was},
                run=run,
            )
        )
    session.flush()


def _left(change: RunChange, reason: Refusal) -> FailedLine:
    return FailedLine(id=change.line, subscription=change.subscription, code=reason.code, message=reason.message)


def _day(value: Any) -> date | None:
    return date.fromisoformat(value) if value else None


def _key(run: str, line: str) -> str:
    return f"restored:{run}:{line}"

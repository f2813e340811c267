"""The billing feed: each entry of a document in a transaction of its own, so that a refused one holds up no other."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from domain.billing.document import BillingEntry, FedInvoice, FeedPosition
from domain.billing.posting import EntryRefused, Posting, post
from domain.billing.reading import BillingFeedDocument, ReadEntry, read_billing
from domain.billing.refusals import BilledLineUnknown, BillingSequenceReused
from domain.civil_dates import plus_days
from domain.imports.refusals import Problem
from domain.refusals import Refusal
from domain.vocabulary import FINAL_STAGES
from records import audit
from records.billing.ledgers import ledger_of, locked_line, record_credit_memo, save
from records.billing.report import BillingReport, EntryReport
from records.cancellation.open_billing import end_line_of, lock_subscription_of
from records.transaction import Transaction
from storage.refusals import DatabaseBusy, RecordsConflict, database_in_words, refusal_of
from storage.tables import BillingFeedPositionRow, CancellationRow, SubscriptionLineRow

CHUNK = 1_000
"""The number of entries whose positions are read at once."""


@dataclass(frozen=True)
class Import:
    """A document on its way into the records; ``why`` names it in the audit trail."""

    engine: Engine
    position: FeedPosition
    actor: str
    at: datetime
    why: str


def import_billing(engine: Engine, content: bytes, *, actor: str, at: datetime, document: str) -> BillingReport:
    """Import a document of a billing feed (docs/billing-format.md), entry by entry.

    An entry counts if its sequence number is higher than that of the last one that its line took from this source; so a
    document that arrives late, or again, changes nothing. ``document`` is its name, for the audit trail.

    Raises:
        ImportMalformed: the document as a whole cannot be read; nothing was imported.

    """
    feed = read_billing(content)
    why = f"billing document {feed.position.sequence} of {feed.position.source} ({document})"
    run = Import(engine, feed.position, actor, at, why)
    return BillingReport.of(feed.position, _entries(run, feed))


def waiting_workflows(session: Session, lines: Collection[str]) -> dict[str, str]:
    """Return the workflows of running cancellations that may wait for credit memos of these lines, by line."""
    query = (
        select(SubscriptionLineRow.id, CancellationRow.workflow_id)
        .join(CancellationRow, CancellationRow.id == SubscriptionLineRow.frozen_by)
        .where(SubscriptionLineRow.id.in_(lines), CancellationRow.stage.not_in(sorted(FINAL_STAGES)))
    )
    return {line: workflow_id for line, workflow_id in session.execute(query)}  # noqa: C416 - for mypy, a row is no pair


def _entries(run: Import, feed: BillingFeedDocument) -> Iterator[EntryReport]:
    while some := list(islice(feed.entries, CHUNK)):
        with Session(run.engine) as session:
            positions = _positions(session, run.position.source, [read.entry.line for read in some if read.entry])
        for read in some:
            if read.entry is None:
                yield EntryReport.refused(read, read.problems)
                continue
            try:
                known = _as_known(run, read, read.entry, positions.get(read.entry.line))
                yield known or _imported(run, read, read.entry)
            except EntryRefused as refused:
                path = f"{read.path}.{refused.place}".rstrip(".")
                yield EntryReport.refused(read, [Problem(path, refused.refusal)])


def _positions(session: Session, source: str, lines: Sequence[str]) -> dict[str, BillingFeedPositionRow]:
    rows = session.scalars(
        select(BillingFeedPositionRow).where(
            BillingFeedPositionRow.source == source, BillingFeedPositionRow.subscription_line.in_(lines)
        )
    )
    return {row.subscription_line: row for row in rows}


def _as_known(
    run: Import, read: ReadEntry, entry: BillingEntry, position: BillingFeedPositionRow | None
) -> EntryReport | None:
    """Return the report of an entry that its line has, or that is older than the one it has; None for a newer one."""
    if position is None or position.sequence < run.position.sequence:
        return None
    if position.sequence > run.position.sequence:
        return EntryReport(path=read.path, line=entry.line, result="outdated", newest_sequence=position.sequence)
    if position.digest != _digest(entry):
        raise EntryRefused("", BillingSequenceReused(entry.line, run.position.source, run.position.sequence))
    return EntryReport(path=read.path, line=entry.line, result="unchanged", newest_sequence=position.sequence)


def _imported(run: Import, read: ReadEntry, entry: BillingEntry) -> EntryReport:
    try:
        with Transaction.begin(run.engine) as transaction:
            return _post(run, transaction, read, entry)
    except SQLAlchemyError as error:
        refusal = refusal_of(error, database_in_words(run.engine.url))
        if not isinstance(refusal, DatabaseBusy | RecordsConflict):
            raise
        raise EntryRefused("", refusal) from None
    except Refusal as refusal:
        raise EntryRefused("", refusal) from None


def _post(run: Import, transaction: Transaction, read: ReadEntry, entry: BillingEntry) -> EntryReport:
    session = transaction.session
    if sets_back := _may_set_back(entry):
        lock_subscription_of(session, entry.line)
    row = locked_line(session, entry.line)
    if row is None:
        raise EntryRefused("line", BilledLineUnknown(entry.line))
    position = session.get(BillingFeedPositionRow, (row.id, run.position.source))
    if (known := _as_known(run, read, entry, position)) is not None:  # another import was quicker
        return known
    posting = post(ledger_of(session, row, _numbers(entry)), entry)
    changed = _write(run, transaction, row, posting)
    if position is None:
        position = BillingFeedPositionRow(subscription_line=row.id, source=run.position.source)
        session.add(position)
    position.sequence, position.digest, position.taken_at = run.position.sequence, _digest(entry), run.at
    if sets_back:
        end_line_of(transaction, row, actor=run.actor, at=run.at)
    return EntryReport(
        path=read.path,
        line=row.id,
        result="taken" if changed else "unchanged",
        next_billing_date=row.next_billing_date,
        posted=tuple(document.number for document in posting.documents),
        subscription=row.subscription if changed else None,
        credited=tuple(document.credits for document in posting.documents if document.credits),
    )


def _write(run: Import, transaction: Transaction, row: SubscriptionLineRow, posting: Posting) -> bool:
    """Write a line and its new documents, with the audit rows; return False if there is nothing to write."""
    before = _billing_of(row)
    row.next_billing_date = posting.line.next_billing_date
    row.open_billing_line = posting.line.open_billing_line
    after = _billing_of(row)
    if before == after and not posting.documents:
        return False
    save(transaction.session, posting.documents, at=run.at)
    for memo in posting.documents:
        if memo.credits:
            billed_until = plus_days(memo.period_end, 1).isoformat()
            why = f"takes back invoice {memo.credits}; {run.why}"
            record_credit_memo(transaction, memo, row, actor=run.actor, at=run.at, why=why, before=billed_until)
    audit.record(
        transaction,
        "line.billed",
        actor=run.actor,
        at=run.at,
        why=run.why,
        subscription=row.subscription,
        subscription_line=row.id,
        cancellation=row.frozen_by,
        before=before,
        after={**after, "documents": [document.number for document in posting.documents]},
    )
    return True


def _billing_of(row: SubscriptionLineRow) -> dict[str, Any]:
    day = row.next_billing_date
    return {"next_billing_date": day.isoformat() if day else None, "open_billing_line": row.open_billing_line}


def _numbers(entry: BillingEntry) -> set[str]:
    """Return the numbers that an entry uses or refers to."""
    credited = (document.credits for document in entry.documents if not isinstance(document, FedInvoice))
    return {*(document.number for document in entry.documents), *credited}


def _may_set_back(entry: BillingEntry) -> bool:
    """Return true if an entry may set the next billing date back, which may be what the end of the line waits for."""
    return not entry.documents or any(not isinstance(document, FedInvoice) for document in entry.documents)


def _digest(entry: BillingEntry) -> str:
    return sha256(entry.model_dump_json().encode()).hexdigest()

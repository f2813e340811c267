"""The carrying out of a confirmed bulk: rows are handed out one by one, and each result is kept once.

Window, rate, stop and kill switch are decided here, under the lock of the bulk: they hold whatever workers die, hang or
come back meanwhile.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract import StartCancellation, cancellation_workflow_id
from domain.actors import THE_SERVICE
from domain.bulk import OPEN_ROWS, BulkState, RowState, request_id_of
from domain.bulk.plan import RowQuote
from domain.bulk.refusals import BulkRowChanged
from domain.refusals import ForwardedRefusal, Refusal, RefusalDetails
from records import audit
from records.bulk.confirmed import has_opened
from records.bulk.faults import faults_of
from records.bulk.judging import Judge
from records.bulk.lists import counts_of
from records.bulk.results import settle
from records.bulk.surroundings import Surroundings
from records.cancellation.opening import record_refused_opening
from records.direct_requests import digest_of_content
from records.transaction import Transaction
from storage.tables import BulkItemRow, BulkRow, BulkSwitchRow, CancellationRow

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Claim:
    """The answer to a worker who asks for a row to start."""

    row: int | None = None
    wait: timedelta | None = None
    """The time after which there may be one; None where only a change of the record leads further, or another row's result."""


def claim_row(transaction: Transaction, bulk: str) -> Claim:
    """Hand out the next row of a bulk, if it runs, has room in its window, and its rate admits one more now."""
    session = transaction.session
    found = session.get(BulkRow, bulk, with_for_update=True)
    if found is None or found.state != BulkState.RUNNING.value or _is_switched_off(session):
        return Claim()
    of_bulk = BulkItemRow.bulk == bulk
    under_way = session.scalar(select(func.count()).where(of_bulk, BulkItemRow.state == RowState.UNDER_WAY.value))
    if (under_way or 0) >= found.at_once:
        return Claim()
    now = session.scalar(select(func.clock_timestamp())) or found.planned_at
    if found.next_start_at is not None and found.next_start_at > now:
        return Claim(wait=found.next_start_at - now)
    row = session.scalar(
        select(BulkItemRow)
        .where(of_bulk, BulkItemRow.state == RowState.READY.value)
        .order_by(BulkItemRow.number)
        .limit(1)
    )
    if row is None:
        return Claim()
    row.state, row.begun_at = RowState.UNDER_WAY.value, now
    found.next_start_at = now + _MINUTE / found.per_minute
    session.flush()
    return Claim(row.number)


def rows_under_way(session: Session, bulk: str) -> list[int]:
    """Return the rows that were handed out and have no result: of a worker that died, or did not get an answer."""
    query = select(BulkItemRow.number).where(BulkItemRow.bulk == bulk, BulkItemRow.state == RowState.UNDER_WAY.value)
    return list(session.scalars(query.order_by(BulkItemRow.number)))


def prepare_row(transaction: Transaction, bulk: str, number: int, *, at: datetime) -> StartCancellation | None:
    """Return the start of a row under way, judged once more; None where it has its result without one.

    A row that would be refused is refused here, as its workflow would; one that would do something else than its plan has
    shown is not started (`bulk_row_changed`). A fault that it meets is its result. One whose case is open, because a worker died
    after that, is recorded.
    """
    session = transaction.session
    row = _under_way(session, bulk, number)
    if row is None:
        return None
    found = session.get_one(BulkRow, bulk)
    opened = session.scalar(
        select(CancellationRow).where(
            CancellationRow.request_id == f"{cancellation_workflow_id(row.subscription)}:{request_id_of(bulk, number)}"
        )
    )
    if opened is not None and has_opened(session, found, row, opened):
        settle(row, RowState.STARTED, at=at, cancellation=opened.id)
        return None
    with faults_of(session, row, at=at):
        return _judged_again(transaction, found, row, at=at)
    return None


def _judged_again(
    transaction: Transaction, bulk: BulkRow, row: BulkItemRow, *, at: datetime
) -> StartCancellation | None:
    session = transaction.session
    around = Surroundings.of(session, [row.subscription], at=bulk.planned_at)
    judge = Judge(session, bulk, str(bulk.confirmed_by), around)
    if digest_of_content(row.start or {}) != row.digest:
        settle(row, RowState.REFUSED, at=at, refusal=BulkRowChanged("its content is not the one that was planned"))
        return None
    try:
        _, applicant = judge.applicant(row)
    except Refusal as refusal:
        settle(row, RowState.REFUSED, at=at, refusal=refusal)
        return None
    zone = applicant.organization.time_zone
    try:
        judged = judge.judge(row, at=at)
    except Refusal as refusal:
        record_refused_opening(transaction, judge.request_of(row, zone, at=at), refusal)
        settle(row, RowState.REFUSED, at=at, refusal=refusal)
        return None
    if judged.already_running is not None:
        settle(row, RowState.ALREADY_RUNNING, at=at, cancellation=judged.already_running)
        return None
    if judged.quote is not None and (changed := judged.quote.difference(RowQuote.model_validate(row.quote))):
        settle(row, RowState.REFUSED, at=at, refusal=BulkRowChanged(changed))
        return None
    return judge.start_of(row, zone)


def keep_result(
    transaction: Transaction,
    bulk: str,
    number: int,
    *,
    at: datetime,
    cancellation: str | None = None,
    refusal: RefusalDetails | None = None,
) -> None:
    """Keep the answer to the start of a row, once: the case, which this row has opened or another request, or the refusal."""
    session = transaction.session
    row = _under_way(session, bulk, number)
    if row is None:
        return
    if refusal is not None:
        settle(row, RowState.REFUSED, at=at, refusal=ForwardedRefusal(refusal))
    else:
        case = session.get_one(CancellationRow, cancellation)
        is_own = has_opened(session, session.get_one(BulkRow, bulk), row, case)
        state = RowState.STARTED if is_own else RowState.ALREADY_RUNNING
        settle(row, state, at=at, cancellation=cancellation)


def _under_way(session: Session, bulk: str, number: int) -> BulkItemRow | None:
    row = session.get(BulkItemRow, (bulk, number), with_for_update=True)
    return row if row is not None and row.state == RowState.UNDER_WAY.value else None


def finish_if_done(transaction: Transaction, bulk: str, *, at: datetime) -> bool:
    """End a bulk that runs and has no row left; return true if it has ended."""
    session = transaction.session
    found = session.get_one(BulkRow, bulk, with_for_update=True)
    if found.state != BulkState.RUNNING.value:
        return BulkState(found.state).is_final
    counts = counts_of(session, bulk)
    if any(counts.get(state) for state in OPEN_ROWS):
        return False
    found.state, found.ended_at = BulkState.FINISHED.value, at
    audit.record(
        transaction,
        "bulk.finished",
        actor=THE_SERVICE,
        at=at,
        step=f"{bulk}:finished",
        after={"bulk": bulk, **{state.value: number for state, number in counts.items()}},
    )
    return True


def _is_switched_off(session: Session) -> bool:
    """Return true while the kill switch keeps every bulk from starting anything; it stays as it is until the transaction ends."""
    switch = session.get_one(BulkSwitchRow, 1, with_for_update={"read": True})
    return switch.off_since is not None

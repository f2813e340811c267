"""The common part of all kinds of cases in the records, and the one table that distinguishes the kinds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from contract.steps import CaseRecord, Step
from domain.cases import CaseKind, CaseRef
from domain.marketing import MarketingStage
from domain.messaging import MarketingFacts
from domain.vocabulary import Event, Stage
from records import audit
from records.addressees import Addressee
from records.cancellation import notices as cancellation_notices
from records.cancellation.locked_case import LockedCase, case_record, lock_case
from records.marketing import notices as marketing_notices
from records.marketing.locked_case import LockedMarketingCase, lock_marketing_case, marketing_case_record
from records.transaction import Transaction
from storage.refusals import RecordsConflict
from storage.tables import CASE_TABLES, CaseRow

Locked = LockedCase | LockedMarketingCase
"""A case of any kind under its lock."""


@dataclass(frozen=True)
class CaseRecords:
    """The functions and names by which the records treat the cases of one kind."""

    lock: Callable[[Transaction, str], Locked]
    record: Callable[[Session, str], CaseRecord | None]
    audited_as: str
    """The name of a case at the beginning of its actions in the audit trail: ``cancellation.opened``."""


CASE_RECORDS: dict[CaseKind, CaseRecords] = {
    CaseKind.SUBSCRIPTION: CaseRecords(lock_case, case_record, "cancellation"),
    CaseKind.MARKETING_SERVICE: CaseRecords(lock_marketing_case, marketing_case_record, "marketing_cancellation"),
    CaseKind.SUBSCRIPTION_LINE: CaseRecords(lock_case, case_record, "line_cancellation"),
}


def audited_as(step: Step) -> str:
    """Return the name of the case of a step at the beginning of its actions in the audit trail."""
    return CASE_RECORDS[step.case.kind].audited_as


def lock(transaction: Transaction, case: str) -> Locked:
    """Lock a case of any kind until the transaction ends."""
    return CASE_RECORDS[CaseRef.parse(case).kind].lock(transaction, case)


def record_of(session: Session, case: str) -> CaseRecord | None:
    """Return the record of a case of any kind, for its workflow to adopt; None where there is no such case."""
    return CASE_RECORDS[CaseRef.parse(case).kind].record(session, case)


def newest_of(session: Session, kind: CaseKind, subject: str) -> CaseRow | None:
    """Return the newest case of a kind and subject, running or ended."""
    row = CASE_TABLES[kind].row
    return session.scalar(select(row).where(*_of(kind, subject)).order_by(row.ordinal.desc()).limit(1))


def newest_id(session: Session, subject: str, kind: CaseKind) -> str | None:
    """Return the id of the newest case of a kind and subject; None if there is none."""
    newest = newest_of(session, kind, subject)
    return None if newest is None else newest.id


def is_ended(session: Session, case: str) -> bool:
    """Return true if a case of any kind is in a final stage."""
    return session.get_one(CASE_TABLES[CaseRef.parse(case).kind].row, case).ended_at is not None


def next_of(session: Session, kind: CaseKind, subject: str, *, subscription: str | None = None) -> CaseRef:
    """Return the name of the next case of a kind and subject; the caller has locked the subject, or its ``subscription``."""
    last = session.scalar(select(func.max(CASE_TABLES[kind].row.ordinal)).where(*_of(kind, subject)))
    return CaseRef(kind=kind, subject=subject, ordinal=(last or 0) + 1, of_subscription=subscription)


def _of(kind: CaseKind, subject: str) -> tuple[ColumnElement[bool], ...]:
    tables = CASE_TABLES[kind]
    return tables.subject == subject, tables.is_kind


def orphaned(case: str, *, actor: str, at: datetime) -> Step:
    """Return the step that ends an orphaned case, one whose workflow an operator has terminated.

    Temporal runs one workflow per subject, and the running one belongs to another case.
    """
    why = "its workflow was terminated; a new cancellation takes its place"
    return Step(cancellation=case, name="orphaned", actor=actor, at=at, why=why)


def enter(
    transaction: Transaction,
    case: Locked,
    stage: Stage | MarketingStage,
    step: Step,
    part: str = "",
    *,
    also: Mapping[str, str] | None = None,
) -> None:
    """Move a case to a stage, and audit the move, with what is known ``also``; a final stage ends it.

    Raises RecordsConflict where the step has its entry already, and the case is not where it led: no case moves unaudited.
    """
    before, case.row.stage = case.row.stage, stage.value
    if stage.is_final:
        case.row.ended_at = step.at
    action = f"{audited_as(step)}.{stage.value}"
    after = {"stage": stage.value, **(also or {})}
    added = audit.record_step(transaction, action, step, part, before={"stage": before}, after=after)
    if not added and before != stage:
        raise RecordsConflict(f"step {step.key} is in the audit trail, and case {case.row.id} is in stage {before}")
    transaction.session.flush()


def notify_of_campaigns(
    transaction: Transaction,
    case: Locked,
    event: Event,
    step: Step,
    marketing: MarketingFacts,
    *,
    occasion: str,
    mail_to: Addressee | None = None,
) -> None:
    """Record that an event about campaigns is to be announced. Mail goes to ``mail_to``, else to the administrator.

    The marketing service's own cancellation has one person to write to, its administrator.
    """
    match case:
        case LockedCase():
            cancellation_notices.notify(
                transaction, case, event, step, occasion=occasion, marketing=marketing, mail_to=mail_to
            )
        case LockedMarketingCase():
            marketing_notices.notify(transaction, case, event, step, occasion=occasion, marketing=marketing)
        case _:
            assert_never(case)

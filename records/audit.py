"""The audit trail: actor, time, action and reason of everything that happened. Rows are only ever added."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from sqlalchemy import ARRAY, ColumnElement, Text, cast, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from contract.steps import Step
from domain.refusals import RefusalDetails
from records import receipts
from records.transaction import Transaction
from storage.tables import AuditRow, CancellationRow, SubscriptionLineRow
from storage.tables.base import core


class AuditEntry(BaseModel):
    """One entry of the audit trail, as it is listed; ``at`` is UTC."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    at: datetime
    actor: str
    action: str
    cancellation: str | None
    line: str | None = Field(validation_alias=AliasChoices("subscription_line", "line"))
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    why: str | None


def record(
    transaction: Transaction,
    action: str,
    *,
    actor: str,
    at: datetime,
    step: str | None = None,
    why: str | None = None,
    subscription: str | None = None,
    subscription_line: str | None = None,
    cancellation: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> bool:
    """Add a row; return False, adding nothing, if the step already has its row.

    Called first in a transaction with the step's key, it makes the whole transaction happen once: a repetition of the
    step finds the key taken, even while the first attempt is still in flight. The database writes the keys of callers and
    pages apart from those of workers, so that none of them can take the key of a worker's step before it.
    """
    facts = {
        "actor": actor,
        "action": action,
        "subscription": subscription,
        "subscription_line": subscription_line,
        "cancellation": cancellation,
        "why": why,
        "before": before,
        "after": after,
    }
    if _add(transaction.session, step=step, at=at, **facts):
        return True
    if not _is_anothers(transaction.session, str(step), facts):
        return False
    return _add(transaction.session, step=None, at=at, **facts)


_ADD = insert(core(AuditRow)).on_conflict_do_nothing(index_elements=[AuditRow.step]).returning(core(AuditRow).c.id)


def _add(session: Session, **values: Any) -> bool:
    return session.execute(_ADD, values).scalar() is not None


def _is_anothers(session: Session, step: str, facts: Mapping[str, Any]) -> bool:
    """Return true if the entry of a step says something else, and was not written by a worker.

    Whoever has the password of callers can add it before the true one, which is then added beside it.
    """
    key = session.scalar(select(_key(step)))
    if key is None or not key.startswith("callers:"):
        return False
    query = select(*(AuditRow.__table__.c[name] for name in facts)).where(AuditRow.step == key)
    found = session.execute(query).mappings().one_or_none()
    return found is not None and dict(found) != facts


def record_step(
    transaction: Transaction,
    action: str,
    step: Step,
    part: str = "",
    *,
    line: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    why: str | None = None,
) -> bool:
    """Add the row of a business step, or of one of its parts; return False, adding nothing, if it was added before.

    ``why`` replaces the reason of the step where the part has one of its own. What its request stated of its receipt is kept
    with what was done.
    """
    if line is None and (receipt := receipts.as_audited(step)):
        after = (after or {}) | receipt
    return record(
        transaction,
        action,
        actor=step.actor,
        at=step.dated,
        step=f"{step.key}:{part}" if part else step.key,
        why=why or step.why,
        subscription=step.case.subscription,
        subscription_line=line,
        cancellation=step.cancellation,
        before=before,
        after=after,
    )


@dataclass(frozen=True)
class LineChange:
    """The change of one line in a step of many."""

    line: str
    before: dict[str, Any]
    after: dict[str, Any]
    why: str | None = None


def record_lines(transaction: Transaction, action: str, step: Step, changes: Sequence[LineChange]) -> None:
    """Add a row for each line that a step changes, in one statement; rows that were added before stay as they are."""
    if not changes:
        return
    transaction.session.execute(
        insert(AuditRow).on_conflict_do_nothing(index_elements=[AuditRow.step]),
        [
            {
                "at": step.at,
                "actor": step.actor,
                "action": action,
                "step": f"{step.key}:line:{change.line}",
                "why": change.why or step.why,
                "subscription": step.case.subscription,
                "subscription_line": change.line,
                "cancellation": step.cancellation,
                "before": change.before,
                "after": change.after,
            }
            for change in changes
        ],
    )


def record_refusal(
    transaction: Transaction,
    request: str,
    refusal: RefusalDetails,
    *,
    actor: str,
    at: datetime,
    step: str,
    subscription: str | None = None,
    cancellation: str | None = None,
) -> None:
    """Record that a request was refused, once per step; ``request`` is its name, for example ``withdraw``."""
    record(
        transaction,
        f"{request}.refused",
        actor=actor,
        at=at,
        step=step,
        why=f"{refusal.message} {refusal.way_out}".strip(),
        subscription=subscription,
        cancellation=cancellation,
        after={"code": refusal.code},
    )


def trail_of(session: Session, subscription: str, *, after: int = 0, most: int) -> tuple[list[AuditEntry], int | None]:
    """Return the entries about a subscription, its lines and its cancellations, oldest first: those after an entry's number.

    The number is that of the last of them, if there are more than ``most``.
    """
    query = select(AuditRow).where(about_subscription(subscription, after=after)).order_by(AuditRow.id)
    rows = session.scalars(query.limit(most + 1)).all()
    shown = rows[:most]
    return [AuditEntry.model_validate(row) for row in shown], shown[-1].id if len(rows) > len(shown) else None


def about_subscription(subscription: str, *, after: int) -> ColumnElement[bool]:
    """Return the condition for the entries about a subscription, its lines and its cancellations after an entry's number.

    Each part of it has an index, but not the whole: of ten million entries PostgreSQL would look at all in their order.
    """
    row = aliased(AuditRow)
    entries = select(row.id).where(row.id > after)
    cases = select(CancellationRow.id).where(CancellationRow.subscription == subscription)
    lines = select(SubscriptionLineRow.id).where(SubscriptionLineRow.subscription == subscription)
    return AuditRow.id.in_(
        entries.where(row.cancellation.in_(cases)).union(
            entries.where(row.subscription_line.in_(lines)),
            entries.where(row.subscription == subscription, row.subscription_line.is_(None)),
        )
    )


def after_of(session: Session, step: str) -> dict[str, Any] | None:
    """Return the recorded result of a step, or None if the step was never taken."""
    return session.scalar(select(AuditRow.after).where(AuditRow.step == _key(step)))


def taken_of(session: Session, steps: Iterable[str]) -> set[str]:
    """Return those steps of some that were taken."""
    asked = func.unnest(cast(list(steps), ARRAY(Text))).column_valued("asked")
    return set(session.scalars(select(asked).where(select(AuditRow.id).where(AuditRow.step == _key(asked)).exists())))


def request(request_id: str | None) -> dict[str, str]:
    """Return the request's id as an audit row stores it for `is_from`; nothing without an id."""
    return {"request": request_id} if request_id else {}


def is_from(session: Session, step: str, request_id: str | None) -> bool:
    """Return true if a step was taken for this very request, which is then a repetition and gets the same result."""
    return request_id is not None and (after_of(session, step) or {}).get("request") == request_id


def _key(step: str | ColumnElement[str]) -> ColumnElement[str]:
    """Return the key of a step as the database has it for this process: that of a worker, or of its own role."""
    return func.audit_step(step, type_=Text)

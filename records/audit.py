"""The audit trail: who, when, what, why. Rows are only ever added."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract.steps import Step
from records.transaction import Transaction
from storage.tables import AuditRow, CancellationRow


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
    """Add a row; return False, adding nothing, if the step has left its row before.

    Called first in a transaction with the step's key, it makes the whole transaction happen once: whoever repeats the
    step finds the key taken, also while the first try is still in flight.
    """
    added = transaction.session.execute(
        insert(AuditRow)
        .values(
            at=at,
            actor=actor,
            action=action,
            step=step,
            why=why,
            subscription=subscription,
            subscription_line=subscription_line,
            cancellation=cancellation,
            before=before,
            after=after,
        )
        .on_conflict_do_nothing(index_elements=[AuditRow.step])
        .returning(AuditRow.id)
    )
    return added.scalar() is not None


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

    ``why`` stands for the reason of the step where the part has one of its own.
    """
    return record(
        transaction,
        action,
        actor=step.actor,
        at=step.at,
        step=f"{step.key}:{part}" if part else step.key,
        why=why or step.why,
        subscription=step.case.subscription,
        subscription_line=line,
        cancellation=step.cancellation,
        before=before,
        after=after,
    )


def trail_of(session: Session, subscription: str) -> Sequence[AuditRow]:
    """Return everything that was done to a subscription, its lines and its cancellations, oldest first."""
    cases = select(CancellationRow.id).where(CancellationRow.subscription == subscription)
    return session.scalars(
        select(AuditRow)
        .where(or_(AuditRow.subscription == subscription, AuditRow.cancellation.in_(cases)))
        .order_by(AuditRow.id)
    ).all()


def after_of(session: Session, step: str) -> dict[str, Any] | None:
    """Return what a step has left as its result, or None if the step was never taken."""
    return session.scalar(select(AuditRow.after).where(AuditRow.step == step))

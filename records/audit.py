"""The audit trail: who, when, what, why. Rows are only ever added."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from storage.tables import AuditRow


def record(
    session: Session,
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
    added = session.execute(
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


def trail_of(session: Session, subscription: str) -> Sequence[AuditRow]:
    """Return everything that was done to a subscription, its lines and its cancellations, oldest first."""
    return session.scalars(
        select(AuditRow)
        .where(or_(AuditRow.subscription == subscription, AuditRow.cancellation.startswith(f"{subscription}/")))
        .order_by(AuditRow.id)
    ).all()


def after_of(session: Session, step: str) -> dict[str, Any] | None:
    """Return what a step has left as its result, or None if the step was never taken."""
    return session.scalar(select(AuditRow.after).where(AuditRow.step == step))

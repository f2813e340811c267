"""The last case of an organization: it erases the data that all of its subscriptions share."""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from domain.vocabulary import Stage
from records.cancellation.locked_case import LockedCase
from storage.tables import (
    IS_WHOLE,
    CancellationRow,
    ErasureRow,
    ExportRow,
    OrganizationRow,
    SubscriptionRow,
)


def why_kept(session: Session, case: LockedCase, *, at: datetime) -> str | None:
    """Return why the organization's own data stays when a case has ended; None if it is erased now, by this case.

    Of cases that end at the same moment, the last one erases it: it is the one that all others have ended for.
    """
    lock_organization(session, case.organization.id)
    if (other := other_user(session, case.subscription.id)) is not None:
        return f"subscription {other} of the organization still uses it"
    exported = session.scalar(
        select(ExportRow.cancellation)
        .join(CancellationRow, CancellationRow.id == ExportRow.cancellation)
        .join(SubscriptionRow, SubscriptionRow.id == CancellationRow.subscription)
        .where(
            SubscriptionRow.organization == case.organization.id,
            ExportRow.cancellation != case.row.id,
            ExportRow.acknowledged_at.is_(None),
            CancellationRow.stage == Stage.CLOSED.value,
        )
        .order_by(ExportRow.cancellation)
        .limit(1)
    )
    if exported is not None:
        return f"the export of {exported} has not been acknowledged yet"
    by_another = session.scalar(
        select(ErasureRow.cancellation)
        .where(
            ErasureRow.organization == case.organization.id,
            ErasureRow.cancellation != case.row.id,
            ErasureRow.kept_because.is_(None),
            ErasureRow.started_at >= (case.row.ended_at or at),
        )
        .order_by(ErasureRow.cancellation)
        .limit(1)
    )
    return None if by_another is None else f"it is erased with {by_another}, whose certificate says so"


def lock_organization(session: Session, organization: str) -> None:
    """Have the cases of an organization that end at the same moment look at each other one after the other."""
    session.execute(select(OrganizationRow.id).where(OrganizationRow.id == organization).with_for_update())


def other_user(session: Session, subscription: str) -> str | None:
    """Return another subscription for which the organization's data must stay: an active or a reversible one."""
    closed = exists().where(
        CancellationRow.subscription == SubscriptionRow.id, IS_WHOLE, CancellationRow.stage == Stage.CLOSED.value
    )
    of_organization = select(SubscriptionRow.organization).where(SubscriptionRow.id == subscription).scalar_subquery()
    return session.scalar(
        select(SubscriptionRow.id)
        .where(SubscriptionRow.organization == of_organization, SubscriptionRow.id != subscription, ~closed)
        .order_by(SubscriptionRow.id)
        .limit(1)
    )

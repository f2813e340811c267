"""A cancellation of a subscription under its lock."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.policy import CancellationPolicy
from records.transaction import Transaction
from storage.tables import CancellationRow, OrganizationRow, PolicyRow, SubscriptionRow


@dataclass(frozen=True)
class LockedCase:
    """A cancellation with its context; its subscription is locked until the transaction ends."""

    row: CancellationRow
    subscription: SubscriptionRow
    organization: OrganizationRow
    policy: CancellationPolicy

    @property
    def billing_administrator(self) -> str:
        """The address on record of the person who may cancel the subscription."""
        return self.organization.billing_administrator


def lock_case(transaction: Transaction, cancellation: str) -> LockedCase:
    """Lock a cancellation until the transaction ends, by its subscription's row, which every transaction locks first."""
    session = transaction.session
    of_case = select(CancellationRow.subscription).where(CancellationRow.id == cancellation).scalar_subquery()
    session.execute(select(SubscriptionRow.id).where(SubscriptionRow.id == of_case).with_for_update())
    # Read under the lock, to see the changes of the transaction before.
    row, subscription, organization, durations = session.execute(
        select(CancellationRow, SubscriptionRow, OrganizationRow, PolicyRow.durations)
        .join(SubscriptionRow, SubscriptionRow.id == CancellationRow.subscription)
        .join(OrganizationRow, OrganizationRow.id == SubscriptionRow.organization)
        .join(PolicyRow, PolicyRow.name == OrganizationRow.policy)
        .where(CancellationRow.id == cancellation)
    ).one()
    return LockedCase(row, subscription, organization, CancellationPolicy.model_validate(durations))


def newest_case(session: Session, subscription: str) -> CancellationRow | None:
    """Return the newest cancellation of a subscription, running or ended."""
    return session.scalar(
        select(CancellationRow)
        .where(CancellationRow.subscription == subscription)
        .order_by(CancellationRow.ordinal.desc())
        .limit(1)
    )


def organization_of(session: Session, case: CancellationRow) -> OrganizationRow:
    """Return the organization whose subscription the case cancels."""
    subscription = session.get_one(SubscriptionRow, case.subscription)
    return session.get_one(OrganizationRow, subscription.organization)

"""The zone of a cancellation's days."""

from sqlalchemy.orm import Session

from storage.tables import CancellationRow, OrganizationRow, SubscriptionRow


def zone_of(session: Session, case: CancellationRow) -> str:
    """Return the zone of a case's days: that of the organization when it was opened."""
    if case.time_zone is not None:
        return case.time_zone
    organization = session.get_one(SubscriptionRow, case.subscription).organization
    return session.get_one(OrganizationRow, organization).time_zone

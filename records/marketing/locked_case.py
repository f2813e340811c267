"""The cancellation of a marketing service alone, under its lock."""

from dataclasses import dataclass

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from contract.steps import CaseRecord
from domain.marketing import MarketingCancellationEnded, MarketingStage
from domain.policy import CancellationPolicy
from records.marketing.campaigns import lock_service
from records.transaction import Transaction
from storage.tables import AuditRow, MarketingCancellationRow, MarketingServiceRow, OrganizationRow, PolicyRow


@dataclass(frozen=True)
class LockedMarketingCase:
    """A marketing service's cancellation with its context; the service is locked until the transaction ends."""

    row: MarketingCancellationRow
    service: MarketingServiceRow
    organization: OrganizationRow
    policy: CancellationPolicy

    @property
    def billing_administrator(self) -> str:
        """The address on record of the person who signed up for the marketing service."""
        return self.service.billing_administrator

    @property
    def zone(self) -> str:
        """The zone of the case's days: that of the organization when it was opened."""
        return self.row.time_zone or self.organization.time_zone

    @property
    def stage(self) -> MarketingStage:
        """The recorded stage."""
        return MarketingStage(self.row.stage)

    def refuse_if_ended(self) -> None:
        """Raise MarketingCancellationEnded if the case is in a final stage."""
        if self.stage.is_final:
            raise MarketingCancellationEnded(self.row.id, self.stage)


def lock_marketing_case(transaction: Transaction, case: str) -> LockedMarketingCase:
    """Lock a case until the transaction ends, by its marketing service's row, which every transaction locks first."""
    session = transaction.session
    row = session.get_one(MarketingCancellationRow, case)
    service = lock_service(transaction, row.organization)
    session.refresh(row)  # under the lock, to see the changes of the transaction before
    organization, policy = organization_with_policy(session, row.organization)
    if row.time_zone is None:  # opened by a worker of 0.2
        row.time_zone = organization.time_zone
    assert service is not None  # noqa: S101 - a foreign key ensures it
    return LockedMarketingCase(row, service, organization, policy)


def organization_with_policy(session: Session, organization: str) -> tuple[OrganizationRow, CancellationPolicy]:
    """Return an organization with its policy as it is now."""
    row, durations = session.execute(
        select(OrganizationRow, PolicyRow.durations)
        .join(PolicyRow, PolicyRow.name == OrganizationRow.policy)
        .where(OrganizationRow.id == organization)
    ).one()
    return row, CancellationPolicy.model_validate(durations)


def marketing_case_record(session: Session, case: str) -> CaseRecord | None:
    """Return the record of a marketing service's cancellation; None where there is no such case."""
    session.flush()
    newest = select(func.max(AuditRow.id)).where(AuditRow.cancellation == case)
    row = session.execute(
        select(
            MarketingCancellationRow.stage,
            MarketingCancellationRow.verified_by.label("verification"),
            func.coalesce(newest.scalar_subquery(), 0).label("revision"),
            literal(0).label("corrections"),  # there are none; null means a record of a version before
        ).where(MarketingCancellationRow.id == case)
    ).one_or_none()
    return None if row is None else CaseRecord.model_validate(row._asdict())


def newest_marketing_case(session: Session, organization: str) -> MarketingCancellationRow | None:
    """Return the newest cancellation of an organization's marketing service alone, running or ended."""
    return session.scalar(
        select(MarketingCancellationRow)
        .where(MarketingCancellationRow.organization == organization)
        .order_by(MarketingCancellationRow.ordinal.desc())
        .limit(1)
    )

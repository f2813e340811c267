"""A cancellation of a subscription under its lock, and its record for the workflow."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from contract import ExportStatus
from contract.steps import CaseRecord
from domain.cancellation.lifecycle import CancellationEnded
from domain.cancellation.termination import access_ends_at
from domain.policy import CancellationPolicy
from domain.vocabulary import Stage, Termination
from records.cancellation.quotes import termination_of
from records.transaction import Transaction
from storage.tables import (
    AuditRow,
    CancellationRow,
    ChecklistAnswerRow,
    ExportRow,
    OrganizationRow,
    PolicyRow,
    SubscriptionRow,
)

EXPORT_STATUS = case(
    (ExportRow.erased_at.is_not(None), ExportStatus.ERASED.value),
    (ExportRow.acknowledged_at.is_not(None), ExportStatus.ACKNOWLEDGED.value),
    (ExportRow.finished_at.is_not(None), ExportStatus.READY.value),
    else_=ExportStatus.RUNNING.value,
)
"""The status of an export, as `records.export.export_status` says it, for a query."""


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

    @property
    def zone(self) -> str:
        """The zone of the case's days: that of the organization when it was opened."""
        return self.row.time_zone or self.organization.time_zone

    @property
    def stage(self) -> Stage:
        """The recorded stage."""
        return Stage(self.row.stage)

    def refuse_if_ended(self) -> None:
        """Raise CancellationEnded if the case is in a final stage."""
        if self.stage.is_final:
            raise CancellationEnded(self.row.id, self.stage)


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
    if row.time_zone is None:  # opened by a worker of 0.2
        row.time_zone = organization.time_zone
    return LockedCase(row, subscription, organization, CancellationPolicy.model_validate(durations))


def case_record(session: Session, cancellation: str) -> CaseRecord | None:
    """Return the record of a cancellation; None where there is no such case."""
    session.flush()
    answered = select(ChecklistAnswerRow.question).where(ChecklistAnswerRow.cancellation == cancellation)
    export = select(EXPORT_STATUS).where(ExportRow.cancellation == cancellation)
    newest = select(func.max(AuditRow.id)).where(AuditRow.cancellation == cancellation)
    row = session.execute(
        select(
            CancellationRow.stage,
            CancellationRow.verified_by.label("verification"),
            CancellationRow.termination,
            CancellationRow.termination_date,
            CancellationRow.received_at,
            func.coalesce(CancellationRow.time_zone, OrganizationRow.time_zone).label("time_zone"),
            CancellationRow.data,
            CancellationRow.campaigns,
            CancellationRow.marketing_consent.label("consent"),
            CancellationRow.marketing_consent_until.label("consent_until"),
            CancellationRow.access_ended_on,
            CancellationRow.reversal_deadline,
            CancellationRow.goodwill_reason,
            CancellationRow.goodwill_approved_by.is_not(None).label("goodwill_approved"),
            CancellationRow.corrections,
            CancellationRow.restarts,
            func.array(answered.order_by(ChecklistAnswerRow.question).scalar_subquery()).label("answered"),
            export.scalar_subquery().label("export"),
            func.coalesce(newest.scalar_subquery(), 0).label("revision"),
        )
        .join(SubscriptionRow, SubscriptionRow.id == CancellationRow.subscription)
        .join(OrganizationRow, OrganizationRow.id == SubscriptionRow.organization)
        .where(CancellationRow.id == cancellation)
    ).one_or_none()
    if row is None:
        return None
    ends = None
    if row.termination_date is not None:
        termination = Termination(row.termination or Termination.ON_DATE)
        ends = access_ends_at(termination, row.termination_date, row.time_zone, received_at=row.received_at)
    return CaseRecord.model_validate(row._asdict() | {"access_ends_at": ends})


def access_end_of(row: CancellationRow, zone: str) -> datetime | None:
    """Return the instant (UTC) at which access is to end; None until a way is named."""
    if row.termination_date is None:
        return None
    return access_ends_at(termination_of(row), row.termination_date, zone, received_at=row.received_at)


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

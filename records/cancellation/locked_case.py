"""A cancellation of a subscription under its lock, and its record for the workflow."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, case, exists, func, select
from sqlalchemy.orm import Session

from contract import ExportStatus
from contract.steps import CaseRecord
from domain.cancellation.lifecycle import CancellationEnded
from domain.cancellation.termination import access_ends_at
from domain.policy import CancellationPolicy
from domain.vocabulary import Stage, Termination
from records.cancellation.open_lines import IS_WAITING
from records.transaction import Transaction
from storage.tables import (
    IS_WHOLE,
    AuditRow,
    CancellationLineRow,
    CancellationRow,
    ChecklistAnswerRow,
    ExportRow,
    OrganizationRow,
    PolicyRow,
    SubscriptionRow,
    SystemTaskRow,
)

EXPORT_STATUS = case(
    (ExportRow.erased_at.is_not(None), ExportStatus.ERASED.value),
    (ExportRow.acknowledged_at.is_not(None), ExportStatus.ACKNOWLEDGED.value),
    (ExportRow.finished_at.is_not(None), ExportStatus.READY.value),
    else_=ExportStatus.RUNNING.value,
)
"""The status of an export, as `records.export.export_status` says it, for a query."""


@dataclass
class LockedCase:
    """A cancellation of a subscription, or of one of its lines, with its context; its subscription is locked until the
    transaction ends."""

    row: CancellationRow
    subscription: SubscriptionRow
    organization: OrganizationRow
    policy: CancellationPolicy
    has_waiting_lines: bool
    """True if `records.cancellation.open_lines.waiting_lines` may find any; false saves most cases that query at every step."""

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


_CASE = bindparam("cancellation", type_=CancellationRow.id.type)
_LOCKED = (
    select(SubscriptionRow.id)
    .where(
        SubscriptionRow.id == select(CancellationRow.subscription).where(CancellationRow.id == _CASE).scalar_subquery()
    )
    .with_for_update()
)
_IN_CONTEXT = (
    select(
        CancellationRow,
        SubscriptionRow,
        OrganizationRow,
        PolicyRow.durations,
        exists().where(CancellationLineRow.cancellation == _CASE, IS_WAITING),
    )
    .join(SubscriptionRow, SubscriptionRow.id == CancellationRow.subscription)
    .join(OrganizationRow, OrganizationRow.id == SubscriptionRow.organization)
    .join(PolicyRow, PolicyRow.name == OrganizationRow.policy)
    .where(CancellationRow.id == _CASE)
)
_ANSWERED = select(ChecklistAnswerRow.question).where(ChecklistAnswerRow.cancellation == _CASE)
_EXPORT = select(EXPORT_STATUS).where(ExportRow.cancellation == _CASE)
_NEWEST = select(func.max(AuditRow.id)).where(AuditRow.cancellation == _CASE)
_TASKS = exists().where(
    SystemTaskRow.cancellation == _CASE,
    SystemTaskRow.confirmed_at.is_(None),
    SystemTaskRow.superseded_at.is_(None),
)
_RECORD = (
    select(
        CancellationRow.stage,
        CancellationRow.verified_by.label("verification"),
        CancellationRow.termination,
        CancellationRow.termination_date,
        CancellationRow.line_ends_on,
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
        func.array(_ANSWERED.order_by(ChecklistAnswerRow.question).scalar_subquery()).label("answered"),
        _EXPORT.scalar_subquery().label("export"),
        func.coalesce(_NEWEST.scalar_subquery(), 0).label("revision"),
        _TASKS.label("has_open_tasks"),
    )
    .join(SubscriptionRow, SubscriptionRow.id == CancellationRow.subscription)
    .join(OrganizationRow, OrganizationRow.id == SubscriptionRow.organization)
    .where(CancellationRow.id == _CASE)
)


def lock_case(transaction: Transaction, cancellation: str) -> LockedCase:
    """Lock a cancellation until the transaction ends, by its subscription's row, which every transaction locks first."""
    session = transaction.session
    session.execute(_LOCKED, {"cancellation": cancellation})
    # Read under the lock, to see the changes of the transaction before.
    found = session.execute(_IN_CONTEXT, {"cancellation": cancellation}).one()
    row, subscription, organization, durations, waits = found
    if row.time_zone is None:  # opened by a worker of 0.2
        row.time_zone = organization.time_zone
    return LockedCase(row, subscription, organization, CancellationPolicy.model_validate(durations), waits)


def case_record(session: Session, cancellation: str) -> CaseRecord | None:
    """Return the record of a cancellation; None where there is no such case."""
    session.flush()
    row = session.execute(_RECORD, {"cancellation": cancellation}).one_or_none()
    if row is None:
        return None
    ends = _ends_at(row.termination, row.termination_date, row.line_ends_on, row.time_zone, row.received_at)
    return CaseRecord.model_validate(row._asdict() | {"access_ends_at": ends})


def access_end_of(row: CancellationRow, zone: str) -> datetime | None:
    """Return the instant (UTC) at which access, or the line that ends alone, is to end; None until a way is named."""
    return _ends_at(row.termination, row.termination_date, row.line_ends_on, zone, row.received_at)


def _ends_at(
    termination: str | None, on: date | None, line_ends_on: date | None, zone: str, received_at: datetime
) -> datetime | None:
    if on is None:
        return None
    if line_ends_on is not None:  # a line ends as it is decided, whatever the wish
        return access_ends_at(Termination.ON_DATE, line_ends_on, zone, received_at=received_at)
    return access_ends_at(Termination(termination or Termination.ON_DATE), on, zone, received_at=received_at)


def newest_case(session: Session, subscription: str) -> CancellationRow | None:
    """Return the newest cancellation of a whole subscription, running or ended."""
    return session.scalar(
        select(CancellationRow)
        .where(CancellationRow.subscription == subscription, IS_WHOLE)
        .order_by(CancellationRow.ordinal.desc())
        .limit(1)
    )


def newest_line_case(session: Session, line: str) -> CancellationRow | None:
    """Return the newest cancellation of one line alone, running or ended."""
    return session.scalar(
        select(CancellationRow)
        .where(CancellationRow.subscription_line == line)
        .order_by(CancellationRow.ordinal.desc())
        .limit(1)
    )


def organization_of(session: Session, case: CancellationRow) -> OrganizationRow:
    """Return the organization whose subscription the case cancels."""
    subscription = session.get_one(SubscriptionRow, case.subscription)
    return session.get_one(OrganizationRow, subscription.organization)

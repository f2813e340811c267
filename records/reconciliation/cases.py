"""Cases that are not finished, by the records: what a workflow must be running for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from domain.cases import CaseKind, CaseRef
from domain.marketing import Consent, MarketingStage
from domain.migration import MigrationStage
from domain.policy import CancellationPolicy
from domain.vocabulary import FINAL_STAGES, Channel, DataChoice, Stage
from records.cancellation.locked_case import access_end_of
from records.cancellation.open_lines import (
    CASES_WITH_WAITING_LINES,
    SETTLED_STAGES,
    ends_are_due,
    ends_are_unannounced,
    waits_for_credit_memos,
)
from records.last_to_leave import other_user
from records.outbox import PENDING
from storage.tables import (
    CASE_TABLES,
    AuditRow,
    CancellationRow,
    CaseRow,
    ErasureRow,
    ExportRow,
    MarketingCancellationRow,
    MessageRow,
    MigrationRow,
    OrganizationRow,
    PolicyRow,
    SubscriptionRow,
)

_ERASED = exists().where(ErasureRow.cancellation == CancellationRow.id, ErasureRow.finished_at.is_not(None))
_ERASURE_OPEN = exists().where(ErasureRow.cancellation == CancellationRow.id, ErasureRow.finished_at.is_(None))
_UNDONE_MIGRATIONS = (MigrationStage.WITHDRAWN.value, MigrationStage.ABANDONED.value)
"""The ends of a migration before which its workflow removes what was transferred."""
_COPIED = or_(
    exists().where(ExportRow.cancellation == CancellationRow.id),
    exists().where(MigrationRow.cancellation == CancellationRow.id, MigrationRow.stage.not_in(_UNDONE_MIGRATIONS)),
)
# PostgreSQL begins with these few, and with `CASES_WITH_WAITING_LINES`; for the conditions alone it looks at every case that has ended.
_WITH_COPIES = select(ExportRow.cancellation).union(select(MigrationRow.cancellation))
_DISCARDED = exists().where(AuditRow.step == CancellationRow.id + ":discard")
_HAS_DATA = exists().where(
    SubscriptionRow.id == CancellationRow.subscription,
    OrganizationRow.id == SubscriptionRow.organization,
    OrganizationRow.data_schema.is_not(None),
)
_KEPT = [choice.value for choice in DataChoice if choice is not DataChoice.NONE]


@dataclass(frozen=True)
class RecordedCase:
    """A case as the records have it, for the comparison with its workflow."""

    id: str
    kind: CaseKind
    subject: str
    """The subscription, its line, or the organization whose marketing service it is."""
    workflow_id: str
    request_id: str
    """The id of the request that opened it, without the workflow's id before it."""
    opened_by: str
    stage: Stage | MarketingStage
    revision: int
    """The number of the newest entry about it in the audit trail."""
    is_newest: bool
    """True if no later case has the same workflow id."""
    messages_pending: bool
    copies_left: bool
    """True if it has ended otherwise than closed, and the removal of the copies of data is not recorded."""
    erasure_open: bool
    """True if it is closed, and the records prove that its data is to be erased, and is not."""
    erasure_uncertain: bool
    """True if it is closed without an erasure, the organization has a schema, and nothing proves either way."""
    due: datetime | None
    """The instant by which something must have happened, if there is one."""
    ends_due: bool
    """True if the credit memos of a line are posted, and its decided end date is not set."""
    billing_open: bool
    """True if it is closed, and billing is still to be reminded, or the end of a line to be announced."""

    @property
    def is_finished(self) -> bool:
        """True if nothing is left to do for it, as far as the records prove."""
        return self.stage.is_final and not (
            self.messages_pending or self.copies_left or self.erasure_open or self.billing_open
        )


def unfinished_cases(session: Session, kind: CaseKind, *, after: str, limit: int) -> list[str]:
    """Return cases of a kind that may not be finished, by id, from the one after ``after``."""
    row = CASE_TABLES[kind].row
    of_kind = CASE_TABLES[kind].is_kind
    parts = [select(row.id).where(row.id > after, of_kind, condition) for condition in _unfinished(kind)]
    union = parts[0].union(*parts[1:])
    return list(session.scalars(union.order_by(union.selected_columns[0]).limit(limit)))


def _unfinished(kind: CaseKind) -> list[ColumnElement[bool]]:
    """Return the conditions of which one is enough; each has an index, or few rows."""
    tables = CASE_TABLES[kind]
    stages = Stage if tables.row is CancellationRow else MarketingStage
    conditions = [tables.row.stage.not_in([stage.value for stage in stages if stage.is_final]), _pending(kind)]
    if tables.row is CancellationRow:
        conditions.append(and_(CancellationRow.id.in_(CASES_WITH_WAITING_LINES), _billing_open()))
    if kind is CaseKind.SUBSCRIPTION:
        conditions += [
            and_(CancellationRow.id.in_(_WITH_COPIES), _copies_left()),
            and_(CancellationRow.stage == Stage.CLOSED.value, _HAS_DATA, ~_ERASED),
        ]
    return conditions


def _pending(kind: CaseKind) -> ColumnElement[bool]:
    tables = CASE_TABLES[kind]
    return tables.row.id.in_(
        select(tables.message).where(
            tables.message.is_not(None),
            *PENDING,
            # What an endpoint did not take is its own, and no case's (`records.webhooks.serving`).
            MessageRow.channel != Channel.WEBHOOK.value,
        )
    )


def _copies_left() -> ColumnElement[bool]:
    undone = sorted(FINAL_STAGES - {Stage.CLOSED})
    return and_(CancellationRow.stage.in_(undone), _COPIED, ~_DISCARDED)


def _billing_open() -> ColumnElement[bool]:
    is_left = or_(waits_for_credit_memos(), ends_are_unannounced())
    return and_(CancellationRow.stage == Stage.CLOSED.value, is_left)


def recorded_case(session: Session, kind: CaseKind, case: str) -> RecordedCase | None:
    """Return a case as it is recorded now; None where there is none."""
    tables = CASE_TABLES[kind]
    row = session.get(tables.row, case, populate_existing=True)
    if row is None:
        return None
    later = aliased(tables.row)
    newest = ~exists().where(later.workflow_id == row.workflow_id, later.ordinal > row.ordinal)
    revision = select(func.coalesce(func.max(AuditRow.id), 0)).where(AuditRow.cancellation == case)
    certain, uncertain = _erasure(session, row)
    stage = Stage(row.stage) if isinstance(row, CancellationRow) else MarketingStage(row.stage)
    return RecordedCase(
        id=row.id,
        kind=kind,
        subject=str(getattr(row, tables.subject.key)),
        workflow_id=row.workflow_id,
        request_id=row.request_id.removeprefix(f"{row.workflow_id}:"),
        opened_by=row.opened_by,
        stage=stage,
        revision=session.scalars(revision).one(),
        is_newest=bool(session.scalar(select(newest))),
        messages_pending=_holds(session, row, _pending(kind)),
        copies_left=isinstance(row, CancellationRow) and _holds(session, row, _copies_left()),
        erasure_open=certain,
        erasure_uncertain=uncertain,
        due=_due(session, row),
        ends_due=isinstance(row, CancellationRow) and stage in SETTLED_STAGES and _holds(session, row, ends_are_due()),
        billing_open=isinstance(row, CancellationRow) and _holds(session, row, _billing_open()),
    )


def newest_case_under(session: Session, kind: CaseKind, workflow_id: str) -> str | None:
    """Return the newest case with a workflow id."""
    row, of_kind = CASE_TABLES[kind].row, CASE_TABLES[kind].is_kind
    query = select(row.id).where(row.workflow_id == workflow_id, of_kind)
    return session.scalar(query.order_by(row.ordinal.desc()).limit(1))


def open_case_under(session: Session, workflow_id: str) -> RecordedCase | None:
    """Return the newest case with a workflow id, of whatever kind, if it has not ended."""
    for kind in CaseKind:
        newest = newest_case_under(session, kind, workflow_id)
        case = recorded_case(session, kind, newest) if newest is not None else None
        if case is not None and not case.stage.is_final:
            return case
    return None


def closed_with_open_billing(session: Session, case: str) -> RecordedCase | None:
    """Return a case that is closed and has still to remind billing, or to announce the end of a line; None otherwise."""
    found = session.scalar(select(CancellationRow.id).where(CancellationRow.id == case, _billing_open()))
    return None if found is None else recorded_case(session, CaseRef.parse(case).kind, case)


def unfinished_among(session: Session, kind: CaseKind, workflow_ids: Sequence[str]) -> set[str]:
    """Return those workflow ids whose newest case may not be finished: they are looked at by their cases."""
    row, of_kind = CASE_TABLES[kind].row, CASE_TABLES[kind].is_kind
    found: set[str] = set()
    for condition in _unfinished(kind):
        query = select(row.workflow_id).where(row.workflow_id.in_(workflow_ids), of_kind, condition)
        found.update(session.scalars(query))
    return found


def _holds(session: Session, row: CaseRow, condition: ColumnElement[bool]) -> bool:
    table = type(row)
    query = select(table.id).where(table.id == row.id, condition)
    return session.scalar(query) is not None


def _erasure(session: Session, row: CaseRow) -> tuple[bool, bool]:
    """Return whether the data of a closed case certainly is still to be erased, and whether it perhaps is."""
    if not isinstance(row, CancellationRow) or row.subscription_line is not None or row.stage != Stage.CLOSED:
        return False, False
    if not _holds(session, row, and_(_HAS_DATA, ~_ERASED)):
        return False, False
    # An organization may have got its schema after the end of a case that kept none.
    certain = row.data in _KEPT or _holds(session, row, _ERASURE_OPEN)
    return certain, not certain and other_user(session, row.subscription) is None


def _due(session: Session, row: CaseRow) -> datetime | None:
    """Return the instant by which the present stage must have ended."""
    present_zone, durations = session.execute(
        select(OrganizationRow.time_zone, PolicyRow.durations)
        .join(PolicyRow, PolicyRow.name == OrganizationRow.policy)
        .where(OrganizationRow.id == _organization(session, row))
    ).one()
    policy = CancellationPolicy.model_validate(durations)
    intake_ends = (row.entered_at or row.received_at) + policy.intake_timeout
    if isinstance(row, CancellationRow):
        return _due_of_cancellation(session, row, row.time_zone or present_zone, intake_ends)
    return intake_ends if row.stage == MarketingStage.INTAKE and row.verified_by is None else None


def _due_of_cancellation(session: Session, row: CancellationRow, zone: str, intake_ends: datetime) -> datetime | None:
    match Stage(row.stage):
        case Stage.INTAKE:
            return intake_ends
        case Stage.PREPARING if row.marketing_consent == Consent.ASKED:
            return row.marketing_consent_until
        case Stage.SCHEDULED:
            # A case that was settled later than promised takes effect then.
            ends = access_end_of(row, zone)
            return ends and max(ends, _scheduled_at(session, row) or ends)
        case Stage.CANCELED:
            return row.reversal_deadline
    return None


def _scheduled_at(session: Session, row: CancellationRow) -> datetime | None:
    return session.scalar(
        select(AuditRow.at)
        .where(AuditRow.cancellation == row.id, AuditRow.action == "cancellation.scheduled")
        .order_by(AuditRow.id.desc())
        .limit(1)
    )


def _organization(session: Session, row: CaseRow) -> str:
    if isinstance(row, CancellationRow):
        return session.get_one(SubscriptionRow, row.subscription).organization
    assert isinstance(row, MarketingCancellationRow)  # noqa: S101 - there are two tables
    return row.organization

"""The plan of a bulk: its rows as they were given, kept in one transaction, to be judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from contract.bulk import RowStart
from domain.bulk import BulkKind, BulkState, RowState
from domain.bulk.reading import FileRow
from domain.bulk.refusals import BulkOfNothing
from domain.refusals import Refusal
from domain.vocabulary import is_identifier
from records import audit
from records.direct_requests import digest_of_content
from records.transaction import Transaction
from storage.tables import BulkItemRow, BulkRow, OrganizationRow, SubscriptionRow
from storage.tenants.organizations import OrganizationNotFound


@dataclass(frozen=True)
class PlannedRow:
    """One row of a plan: the content of its start, or the refusal that stands in the way of reading it."""

    number: int
    subscription: str
    start: RowStart | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Plan:
    """A bulk as somebody asks for it."""

    id: str
    kind: BulkKind
    source: str
    reason: str
    actor: str
    at: datetime
    at_once: int
    per_minute: int
    organization: str | None = None
    organizations: Sequence[str] | None = None
    """Those to which the actor is limited; None for all."""


def rows_of_file(rows: Sequence[FileRow]) -> list[PlannedRow]:
    """Return the rows of a file with the starts that they stand for."""
    return [_row_of_file(row) for row in rows]


def _row_of_file(row: FileRow) -> PlannedRow:
    """Return a row; what is written in the place of an id, and is none, is not kept: it may be a person's address."""
    subscription = row.subscription if is_identifier(row.subscription) else ""
    if row.refusal is not None:
        return PlannedRow(row.number, subscription, refusal=row.refusal)
    try:
        return PlannedRow(row.number, subscription, RowStart.of_cells(row.cells))
    except Refusal as refusal:
        return PlannedRow(row.number, subscription, refusal=refusal)


def rows_of_organization(session: Session, organization: str, start: Mapping[str, Any]) -> list[PlannedRow]:
    """Return a row for each subscription of an organization to which access works, with the same fields of a start.

    Raises:
        OrganizationNotFound, BulkOfNothing.

    """
    if session.get(OrganizationRow, organization) is None:
        raise OrganizationNotFound(organization)
    subscriptions = session.scalars(
        select(SubscriptionRow.id)
        .where(SubscriptionRow.organization == organization, SubscriptionRow.access_ended_on.is_(None))
        .order_by(SubscriptionRow.id)
    ).all()
    if not subscriptions:
        raise BulkOfNothing(organization)
    return [
        PlannedRow(number, subscription, RowStart(subscription=subscription, **start))
        for number, subscription in enumerate(subscriptions, start=1)
    ]


def keep_plan(transaction: Transaction, plan: Plan, rows: Sequence[PlannedRow]) -> bool:
    """Keep a plan with its rows; return False, keeping nothing, if it is kept already."""
    session = transaction.session
    if session.get(BulkRow, plan.id) is not None:
        return False
    session.add(
        BulkRow(
            id=plan.id,
            kind=plan.kind.value,
            organization=plan.organization,
            organizations=None if plan.organizations is None else sorted(plan.organizations),
            source=plan.source,
            state=BulkState.PLANNING.value,
            total=len(rows),
            at_once=plan.at_once,
            per_minute=plan.per_minute,
            reason=plan.reason,
            planned_by=plan.actor,
            planned_at=plan.at,
        )
    )
    session.flush()
    session.execute(insert(BulkItemRow), [_columns(plan, row) for row in rows])
    audit.record(
        transaction,
        "bulk.planned",
        actor=plan.actor,
        at=plan.at,
        step=f"{plan.id}:planned",
        why=plan.reason,
        after={
            "bulk": plan.id,
            "kind": plan.kind.value,
            "rows": len(rows),
        },  # the bulk has the name of its file, until it goes
    )
    return True


def _columns(plan: Plan, row: PlannedRow) -> dict[str, Any]:
    fields = None if row.start is None else row.start.model_dump(mode="json", exclude_defaults=True)
    common = {"bulk": plan.id, "number": row.number, "subscription": row.subscription}
    if row.refusal is None:
        state, refusal, settled_at = RowState.PLANNING, None, None
    else:
        state, refusal, settled_at = RowState.REFUSED, row.refusal.details.model_dump(mode="json"), plan.at
    return common | {
        "state": state.value,
        "start": fields if row.refusal is None else None,
        "digest": digest_of_content(fields or {}),
        "refusal": refusal,
        "settled_at": settled_at,
    }

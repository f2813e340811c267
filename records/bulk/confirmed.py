"""The rows of confirmed bulks, as cases know them: a start that a person has confirmed with all others.

Its id alone makes no request that of a row: its actor and its content are those of the row, too.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract import UPDATE_RECEIVE, cancellation_workflow_id, digest_of
from contract.steps import OpenRequest
from domain.bulk import BulkKind, RowState, row_of
from domain.requests import RequestIdReused
from domain.vocabulary import same_person
from records import requests
from records.bulk.starts import start_of
from storage.tables import BulkItemRow, BulkRow, CancellationRow, OrganizationRow, SubscriptionRow


def confirmed_bulk_of(session: Session, request: OpenRequest) -> BulkRow | None:
    """Return the bulk of which a request is the start of a row under way, by whoever has confirmed it; None for any other request.

    Whoever sends the same to Temporal directly is marked, and is not that person.
    """
    if request.subscription is None or request.subscription_line is not None:
        return None
    found = _named_by(session, request.request_id, request.subscription)
    if found is None:
        return None
    bulk, row = found
    if row.state != RowState.UNDER_WAY.value or request.actor != bulk.confirmed_by:
        return None
    zone = session.scalar(
        select(OrganizationRow.time_zone)
        .join(SubscriptionRow, SubscriptionRow.organization == OrganizationRow.id)
        .where(SubscriptionRow.id == row.subscription)
    )
    if zone is None or request.digest != _digest(bulk, row, zone):
        return None
    return bulk


def is_counted(bulk: BulkRow | None) -> bool:
    """Return true if a start counts towards the limits across cases: any but that of a bulk which a second person has confirmed.

    A bulk that its planner has confirmed has been looked at by nobody else.
    """
    return bulk is None or same_person(bulk.planned_by, str(bulk.confirmed_by))


def has_opened(session: Session, bulk: BulkRow, row: BulkItemRow, case: CancellationRow) -> bool:
    """Return true if a case was opened by the start of a row under way, and by no other request under its id."""
    if _named_by(session, case.request_id, case.subscription) != (bulk, row) or case.opened_by != bulk.confirmed_by:
        return False
    try:
        digest = _digest(bulk, row, str(case.time_zone))
        requests.check_start(session, case.workflow_id, case.request_id, digest)
    except RequestIdReused:
        return False
    return True


def organization_bulk_of(session: Session, case: CancellationRow) -> str | None:
    """Return the bulk of an organization as a whole that has opened a case, or is about to; None if none has."""
    if case.subscription_line is not None:
        return None
    found = _named_by(session, case.request_id, case.subscription)
    if found is None:
        return None
    bulk, row = found
    if bulk.kind != BulkKind.ORGANIZATION.value:
        return None
    if row.state == RowState.UNDER_WAY.value:
        return bulk.id if has_opened(session, bulk, row, case) else None
    return bulk.id if row.state == RowState.STARTED.value and row.cancellation == case.id else None


def _named_by(session: Session, request_id: str, subscription: str) -> tuple[BulkRow, BulkItemRow] | None:
    """Return the row of a subscription that the id of a start names, as the records keep it, behind the id of its workflow."""
    named = row_of(request_id.removeprefix(f"{cancellation_workflow_id(subscription)}:"))
    row = None if named is None else session.get(BulkItemRow, named)
    if row is None or row.subscription != subscription:
        return None
    return session.get_one(BulkRow, row.bulk), row


def _digest(bulk: BulkRow, row: BulkItemRow, zone: str) -> str:
    return digest_of(UPDATE_RECEIVE, start_of(bulk, row, zone, actor=str(bulk.confirmed_by)))

"""The rows of confirmed bulks, as cases know them: a start that a person has confirmed with all others."""

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.steps import OpenRequest
from domain.bulk import BulkKind, RowState
from domain.vocabulary import same_person
from storage.tables import BulkItemRow, BulkRow, CancellationRow

_REQUEST = re.compile(r":(bulk-[0-9a-f]{16})-([1-9][0-9]{0,8})$")


def is_confirmed_row(session: Session, request: OpenRequest) -> bool:
    """Return true if a request is the start of a row under way, by a person who has confirmed what another one had planned.

    Whoever sends the same to Temporal directly is marked, and is not that person. A bulk that its planner has confirmed has been
    looked at by nobody else, and each of its starts is one as any other.
    """
    named = _REQUEST.search(request.request_id)
    if named is None:
        return False
    row = session.execute(
        select(BulkItemRow.subscription, BulkRow.planned_by, BulkRow.confirmed_by)
        .join(BulkRow, BulkRow.id == BulkItemRow.bulk)
        .where(
            BulkItemRow.bulk == named[1],
            BulkItemRow.number == int(named[2]),
            BulkItemRow.state == RowState.UNDER_WAY.value,
        )
    ).one_or_none()
    if row is None or row.confirmed_by is None or same_person(row.planned_by, row.confirmed_by):
        return False
    return request.subscription == row.subscription and same_person(request.actor, row.confirmed_by)


def organization_bulk_of(session: Session, case: CancellationRow) -> str | None:
    """Return the bulk of an organization as a whole that has opened a case, or is about to; None if none has."""
    named = _REQUEST.search(case.request_id)
    if named is None:
        return None
    return session.scalar(
        select(BulkRow.id)
        .join(BulkItemRow, BulkRow.id == BulkItemRow.bulk)
        .where(
            BulkRow.id == named[1],
            BulkRow.kind == BulkKind.ORGANIZATION.value,
            BulkItemRow.number == int(named[2]),
            BulkItemRow.subscription == case.subscription,
            BulkItemRow.state.in_((RowState.UNDER_WAY.value, RowState.STARTED.value)),
        )
    )

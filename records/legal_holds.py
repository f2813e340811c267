"""Legal holds in the records: an organization's data is not erased until the last hold on it is released."""

from collections.abc import Collection
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from domain.legal_holds import DataAlreadyErased, HoldReleased, HoldUnknown
from domain.requests import RequestIdReused
from records import audit
from records.transaction import Transaction
from storage.tables import CancellationRow, ErasureRow, HoldRow, OrganizationRow, SubscriptionRow
from storage.tenants.organizations import OrganizationNotFound

_RELEASED = "hold.released"


class Hold(BaseModel):
    """One legal hold, in force or released."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: int
    organization: str
    reason: str
    placed_by: str
    placed_at: datetime
    released_by: str | None
    released_at: datetime | None
    release_reason: str | None


def place_hold(
    transaction: Transaction, organization: str, *, reason: str, actor: str, at: datetime, request: str
) -> Hold:
    """Place a legal hold; the same request again gets the hold that it placed.

    Waits for an erasing step that is under way: the records then show the data that is left.

    Raises:
        OrganizationNotFound, DataAlreadyErased, RequestIdReused.

    """
    session = transaction.session
    if session.get(OrganizationRow, organization, with_for_update=True) is None:
        raise OrganizationNotFound(organization)
    placed = session.scalar(select(HoldRow).where(HoldRow.request == request))
    if placed is not None:
        if (placed.organization, placed.reason, placed.placed_by) != (organization, reason, actor):
            raise RequestIdReused(request, "a hold")
        return Hold.model_validate(placed)
    if (certificate := _certificate_of_all(session, organization)) is not None:
        raise DataAlreadyErased(organization, certificate)
    row = HoldRow(organization=organization, reason=reason, placed_by=actor, placed_at=at, request=request)
    session.add(row)
    session.flush()
    _record(transaction, "hold.placed", row, actor=actor, at=at, why=reason)
    return Hold.model_validate(row)


def release_hold(
    transaction: Transaction, hold: int, *, reason: str, actor: str, at: datetime, request: str | None = None
) -> Hold:
    """Release a legal hold; the same request again gets the hold that it released.

    Raises:
        HoldUnknown, HoldReleased.

    """
    session = transaction.session
    row = session.get(HoldRow, hold, with_for_update=True)
    if row is None:
        raise HoldUnknown(hold)
    if row.released_by is not None:
        if audit.is_from(session, _step(row, _RELEASED), request):
            return Hold.model_validate(row)
        raise HoldReleased(hold, row.released_by)
    row.released_by, row.released_at, row.release_reason = actor, at, reason
    session.flush()
    _record(transaction, _RELEASED, row, actor=actor, at=at, why=reason, request=request)
    return Hold.model_validate(row)


def holds(
    session: Session,
    *,
    organization: str | None = None,
    organizations: Collection[str] | None = None,
    released: bool = False,
) -> list[Hold]:
    """Return legal holds, oldest first; released ones only if ``released`` is true, and those of ``organizations`` if they are given."""
    query = select(HoldRow).order_by(HoldRow.id)
    if organization is not None:
        query = query.where(HoldRow.organization == organization)
    if organizations is not None:
        query = query.where(HoldRow.organization.in_(sorted(organizations)))
    if not released:
        query = query.where(HoldRow.released_at.is_(None))
    return [Hold.model_validate(row) for row in session.scalars(query)]


def is_held(session: Session, organization: str) -> bool:
    """Return true if a legal hold on the organization is in force; final for a caller that has locked its row."""
    in_force = exists().where(HoldRow.organization == organization, HoldRow.released_at.is_(None))
    return bool(session.scalar(select(in_force)))


def _certificate_of_all(session: Session, organization: str) -> str | None:
    """Return the case that erased the last of an organization's data; None while there may be some.

    An organization that has signed up again since has new data: a subscription to which no finished erasure belongs.
    """
    finished = ErasureRow.finished_at.is_not(None)
    erased = exists().where(
        CancellationRow.subscription == SubscriptionRow.id, ErasureRow.cancellation == CancellationRow.id, finished
    )
    in_use = exists().where(SubscriptionRow.organization == organization, ~erased)
    return session.scalar(
        select(ErasureRow.cancellation)
        .where(ErasureRow.organization == organization, finished, ErasureRow.kept_because.is_(None), ~in_use)
        .order_by(ErasureRow.finished_at.desc())
        .limit(1)
    )


def _record(
    transaction: Transaction,
    action: str,
    row: HoldRow,
    *,
    actor: str,
    at: datetime,
    why: str,
    request: str | None = None,
) -> None:
    audit.record(
        transaction,
        action,
        actor=actor,
        at=at,
        step=_step(row, action),
        why=why,
        after={"hold": row.id, "organization": row.organization, **audit.request(request)},
    )


def _step(row: HoldRow, action: str) -> str:
    return f"hold/{row.id}:{action}"

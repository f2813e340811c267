"""The limits across cases as supervisors set and release them (`domain.limits`)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.orm import Session

from domain.actors import named_by
from domain.limits import Limited, LimitScope, ReleaseBySelf
from domain.requests import RequestIdReused
from domain.vocabulary import person_key, same_person
from records import audit
from records.limits import address_digest, counts_of_address, counts_of_caller, counts_of_organization, in_window
from records.transaction import Transaction
from storage.tables import (
    CancellationRow,
    LimitedUseRow,
    LimitRow,
    MarketingServiceRow,
    MigrationRow,
    OrganizationRow,
    SubscriptionRow,
)
from storage.tenants.organizations import OrganizationNotFound

Result = TypeVar("Result", bound=BaseModel)


class Limit(BaseModel):
    """One limit, as it is listed."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    limited: Limited
    scope: LimitScope
    number: int | None
    """Within 24 hours; None for as many as are asked for."""


class LimitRelease(BaseModel):
    """What a supervisor released."""

    model_config = ConfigDict(frozen=True)

    scope: LimitScope
    subject: str
    uses: int
    """The starts, codes, tries and links that count no more."""


def limits(session: Session) -> Sequence[Limit]:
    """Return every limit."""
    rows = session.scalars(select(LimitRow)).all()
    order = {name: place for place, name in enumerate([*Limited, *LimitScope])}
    return [Limit.model_validate(row) for row in sorted(rows, key=lambda row: (order[row.limited], order[row.scope]))]


def set_limit(
    transaction: Transaction, limit: Limit, *, actor: str, at: datetime, reason: str, request: str | None = None
) -> Limit:
    """Set a limit for the whole installation; repeated, it changes nothing again.

    Raises:
        ReleaseBySelf: it would be raised by somebody whose own requests it counts.
        RequestIdReused.

    """
    session, step = transaction.session, f"limits/set/{request}" if request else None
    row = session.get_one(LimitRow, (limit.limited.value, limit.scope.value), with_for_update=True)
    if (known := _recorded(session, step)) is not None:
        return _same_request(Limit.model_validate(known), limit, request)
    before = row.number
    if before is not None and (limit.number is None or limit.number > before):
        counted = (LimitedUseRow.limited == limit.limited, in_window(), LimitedUseRow.caller == person_key(actor))
        if session.scalar(select(exists().where(*counted))):
            raise ReleaseBySelf(limit.scope, f"on {limit.limited}", actor)
    row.number = limit.number
    about = {"limited": limit.limited.value, "scope": limit.scope.value}
    audit.record(
        transaction,
        "limit.set",
        actor=actor,
        at=at,
        step=step,
        why=reason,
        before={**about, "number": before},
        after={**about, "number": limit.number},
    )
    return Limit.model_validate(row)


def release(
    transaction: Transaction,
    scope: LimitScope,
    subject: str,
    *,
    actor: str,
    at: datetime,
    reason: str,
    request: str | None = None,
) -> LimitRelease:
    """Count nothing more of what was counted until now for a caller, or for an organization and the addresses of its administrators and contacts.

    Raises:
        OrganizationNotFound, ReleaseBySelf, RequestIdReused.

    """
    session, step = transaction.session, f"limits/released/{request}" if request else None
    if (known := _recorded(session, step)) is not None:
        released = LimitRelease.model_validate(known)
        return _same_request(released, released.model_copy(update={"scope": scope, "subject": subject}), request)
    now = func.clock_timestamp()
    if scope is LimitScope.CALLER:
        parts = [(counts_of_caller(person_key(subject)), {"caller_released_at": now})]
    else:
        scope = LimitScope.ORGANIZATION
        parts = [(counts_of_organization(subject), {"organization_released_at": now})]
        for address in _addresses(session, subject):
            parts.append((counts_of_address(address_digest(address)), {"address_released_at": now}))
    all_of_it = or_(*(counts for counts, _ in parts))
    callers = session.scalars(select(LimitedUseRow.caller).where(in_window(), all_of_it).distinct()).all()
    if any(
        same_person(actor, named_by(caller))
        for caller in (*callers, *([subject] if scope is LimitScope.CALLER else []))
    ):
        raise ReleaseBySelf(scope, subject, actor)
    uses = session.scalar(select(func.count()).select_from(LimitedUseRow).where(in_window(), all_of_it)) or 0
    for counts, released_now in parts:
        session.execute(update(LimitedUseRow).where(in_window(), counts).values(released_now))
    done = LimitRelease(scope=scope, subject=subject, uses=uses)
    after = done.model_dump(mode="json")
    audit.record(transaction, "limit.released", actor=actor, at=at, step=step, why=reason, after=after)
    return done


def _recorded(session: Session, step: str | None) -> dict[str, Any] | None:
    return None if step is None else audit.after_of(session, step)


def _same_request(known: Result, asked: Result, request: str | None) -> Result:
    """Return the first result of a request; raises RequestIdReused where that was another one."""
    if known != asked:
        raise RequestIdReused(str(request), "limits")
    return known


def _addresses(session: Session, organization: str) -> list[str]:
    """Return the addresses of an organization's administrators on record, and of its migrations' contacts.

    Raises OrganizationNotFound.
    """
    row = session.get(OrganizationRow, organization)
    if row is None:
        raise OrganizationNotFound(organization)
    marketing = session.scalar(
        select(MarketingServiceRow.billing_administrator).where(MarketingServiceRow.organization == organization)
    )
    contacts = session.scalars(
        select(MigrationRow.contact)
        .join(CancellationRow, CancellationRow.id == MigrationRow.cancellation)
        .join(SubscriptionRow, SubscriptionRow.id == CancellationRow.subscription)
        .where(SubscriptionRow.organization == organization, MigrationRow.contact.is_not(None))
        .distinct()
    )
    return [row.billing_administrator, *([marketing] if marketing else []), *filter(None, contacts)]

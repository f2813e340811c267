"""The limits across cases: what counts towards them, who may set and release them (`domain.limits`).

Uses are counted by the clock of the database: the instant of a request may be stated by its caller.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract.steps import Step
from domain.limits import LIMIT_WINDOW, Limited, LimitReached, LimitScope, ReleaseBySelf
from domain.refusals import Refusal
from domain.vocabulary import person_key, same_person
from records import audit
from records.cases import Locked
from records.transaction import Transaction
from storage.tables import LimitedUseRow, LimitRow, MarketingServiceRow, OrganizationRow
from storage.tenants.organizations import OrganizationNotFound

_KEPT_BEYOND_WINDOW = timedelta(days=1)
_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended(:whose, 0))")


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
    """The starts, codes and tries that count no more."""


def use(
    transaction: Transaction,
    limited: Limited,
    step: str,
    *,
    organization: str | None,
    address: str | None,
    caller: str,
    cancellation: str | None = None,
) -> LimitReached | None:
    """Count a start, a code or a try; a repetition of its step counts nothing again.

    Called last in a transaction, after everything that may wait for a lock: it makes those of the same organization and address
    wait for one another. Those of one caller do not wait: some that run at the same moment may exceed the limit.

    Returns:
        The limit that is reached, with nothing counted; None if there was room.

    """
    session = transaction.session
    digest = address_digest(address) if address is not None else None
    for whose in sorted(f"offramp limit {scope}" for scope in (organization and f"of {organization}", digest) if scope):
        session.execute(_TURN, {"whose": whose})
    if session.get(LimitedUseRow, step) is not None:
        return None
    limits = {
        LimitScope(scope): number
        for scope, number in session.execute(select(LimitRow.scope, LimitRow.number).where(LimitRow.limited == limited))
    }
    counted: dict[LimitScope, tuple[str | None, ColumnElement[bool]]] = {
        LimitScope.ADDRESS: (organization, _counts_of_address(digest)),
        LimitScope.ORGANIZATION: (organization, _counts_of_organization(organization)),
        LimitScope.CALLER: (caller, _counts_of_caller(caller)),
    }
    for scope, (subject, counts) in counted.items():
        number = limits.get(scope)
        if subject is None or number is None:
            continue
        # The use after whose end there is room again: the oldest, unless the limit was lowered meanwhile.
        in_the_way = session.scalar(
            select(LimitedUseRow.used_at)
            .where(LimitedUseRow.limited == limited, _in_window(), counts)
            .order_by(LimitedUseRow.used_at.desc())
            .offset(number - 1)
            .limit(1)
        )
        if in_the_way is not None:
            return LimitReached(limited, scope, number, in_the_way + LIMIT_WINDOW, subject)
    session.execute(
        insert(LimitedUseRow)
        .values(
            step=step,
            limited=limited.value,
            address=digest,
            organization=organization,
            caller=person_key(caller),
            cancellation=cancellation,
        )
        .on_conflict_do_nothing()
    )
    return None


def use_for(transaction: Transaction, limited: Limited, case: Locked, step: Step) -> LimitReached | None:
    """Count a start, a code or a try for a case, as `use` does."""
    return use(
        transaction,
        limited,
        f"{step.key}:{limited}",
        organization=case.organization.id,
        address=case.billing_administrator,
        caller=step.actor,
        cancellation=step.cancellation,
    )


def check_start(transaction: Transaction, case: Locked, step: Step) -> None:
    """Count the start that opened a case; raises LimitReached."""
    if (reached := use_for(transaction, Limited.STARTS, case, step)) is not None:
        raise reached


def count_refused_start(
    transaction: Transaction, step: str, refusal: Refusal, organization: OrganizationRow | None, caller: str
) -> None:
    """Count a start that was refused by another rule: it may have been a guess of who the administrator is."""
    if isinstance(refusal, LimitReached):
        return
    transaction.session.execute(
        insert(LimitedUseRow)
        .values(
            step=step,
            limited=Limited.STARTS.value,
            address=address_digest(organization.billing_administrator) if organization else None,
            organization=organization.id if organization else None,
            caller=person_key(caller),
        )
        .on_conflict_do_nothing()
    )


def wanted(transaction: Transaction, step: Step) -> None:
    """Count no more, for address and organization, what belongs to a case whose administrator a code has verified."""
    transaction.session.execute(
        update(LimitedUseRow)
        .where(LimitedUseRow.cancellation == step.cancellation, LimitedUseRow.wanted_at.is_(None))
        .values(wanted_at=func.clock_timestamp())
    )


def limits(session: Session) -> Sequence[Limit]:
    """Return every limit."""
    rows = session.scalars(select(LimitRow)).all()
    order = {name: place for place, name in enumerate([*Limited, *LimitScope])}
    return [Limit.model_validate(row) for row in sorted(rows, key=lambda row: (order[row.limited], order[row.scope]))]


def set_limit(
    transaction: Transaction, limit: Limit, *, actor: str, at: datetime, reason: str, request: str | None = None
) -> Limit:
    """Set a limit for the whole installation."""
    row = transaction.session.get_one(LimitRow, (limit.limited.value, limit.scope.value), with_for_update=True)
    before, row.number = row.number, limit.number
    about = {"limited": limit.limited.value, "scope": limit.scope.value}
    audit.record(
        transaction,
        "limit.set",
        actor=actor,
        at=at,
        step=f"limits/set/{request}" if request else None,
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
    """Count nothing more of what was counted until now for a caller, or for an organization and its administrators' addresses.

    Raises:
        OrganizationNotFound, ReleaseBySelf.

    """
    session, step = transaction.session, f"limits/released/{request}" if request else None
    if step is not None and (known := audit.after_of(session, step)) is not None:
        return LimitRelease.model_validate(known)
    if scope is LimitScope.CALLER:
        counts, released = _counts_of_caller(subject), {"released_at": func.clock_timestamp()}
    else:
        scope = LimitScope.ORGANIZATION
        addresses = [_counts_of_address(address_digest(address)) for address in _administrators(session, subject)]
        counts = or_(_counts_of_organization(subject), *addresses)
        released = {"wanted_at": func.clock_timestamp()}
    callers = session.scalars(select(LimitedUseRow.caller).where(_in_window(), counts).distinct()).all()
    if any(same_person(actor, caller) for caller in (*callers, *([subject] if scope is LimitScope.CALLER else []))):
        raise ReleaseBySelf(scope, subject, actor)
    uses: int = session.execute(update(LimitedUseRow).where(_in_window(), counts).values(released)).rowcount  # type: ignore[attr-defined]
    done = LimitRelease(scope=scope, subject=subject, uses=uses)
    after = done.model_dump(mode="json")
    audit.record(transaction, "limit.released", actor=actor, at=at, step=step, why=reason, after=after)
    return done


def forget_old_uses(transaction: Transaction) -> int:
    """Remove what counts no more, and return how much that was."""
    old = LimitedUseRow.used_at < func.clock_timestamp() - LIMIT_WINDOW - _KEPT_BEYOND_WINDOW
    removed: int = transaction.session.execute(delete(LimitedUseRow).where(old)).rowcount  # type: ignore[attr-defined]
    return removed


def address_digest(address: str) -> str:
    """Return the form in which an address is counted: the same whatever its case and outer spaces."""
    return hashlib.sha256(address.strip().casefold().encode()).hexdigest()


def _administrators(session: Session, organization: str) -> list[str]:
    """Return the addresses of an organization's administrators on record; raises OrganizationNotFound."""
    row = session.get(OrganizationRow, organization)
    if row is None:
        raise OrganizationNotFound(organization)
    marketing = session.scalar(
        select(MarketingServiceRow.billing_administrator).where(MarketingServiceRow.organization == organization)
    )
    return [row.billing_administrator, *([marketing] if marketing else [])]


def _in_window() -> ColumnElement[bool]:
    return LimitedUseRow.used_at > func.clock_timestamp() - LIMIT_WINDOW


def _counts_of_address(digest: str | None) -> ColumnElement[bool]:
    return (LimitedUseRow.address == digest) & LimitedUseRow.wanted_at.is_(None)


def _counts_of_organization(organization: str | None) -> ColumnElement[bool]:
    return (LimitedUseRow.organization == organization) & LimitedUseRow.wanted_at.is_(None)


def _counts_of_caller(caller: str) -> ColumnElement[bool]:
    return (LimitedUseRow.caller == person_key(caller)) & LimitedUseRow.released_at.is_(None)

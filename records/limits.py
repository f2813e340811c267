"""The limits across cases: what counts towards them, who may set and release them (`domain.limits`).

Uses are counted by the clock of the database: the instant of a request may be stated by its caller.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    ScalarSelect,
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract.steps import OpenMarketingRequest, Step
from domain.cancellation.checklist import IDENTITY_CHECKS
from domain.cancellation.identity import IdentityMismatch
from domain.limits import LIMIT_WINDOW, Limited, LimitReached, LimitScope
from domain.marketing import MarketingIdentityMismatch
from domain.refusals import Refusal
from domain.vocabulary import Channel, person_key
from records.cases import Locked
from records.receipts import Opening
from records.transaction import Transaction
from storage.tables import LimitedUseRow, LimitRow
from storage.tables.base import core

Bound = str | BindParameter[str]
"""A value, or the parameter of a statement that gives it."""

_KEPT_BEYOND_WINDOW = timedelta(days=1)
_COUNT = insert(core(LimitedUseRow)).on_conflict_do_nothing()
# In the order of the array, which is the same for all: no two wait for each other.
_TURNS = text("SELECT pg_advisory_xact_lock(hashtextextended(whose, 0)) FROM unnest(CAST(:all AS text[])) AS whose")


@dataclass(frozen=True)
class Use:
    """A start, a code, a try or a link, and whose it is; None where it counts for no address or organization."""

    limited: Limited
    step: str
    """The idempotency key of its step."""
    organization: str | None
    address: str | None
    caller: str
    cancellation: str | None = None


def use(transaction: Transaction, asked: Use) -> LimitReached | None:
    """Count a start, a code, a try or a link; a repetition of its step counts nothing again.

    Called last in a transaction, after everything that may wait for a lock: it makes those of the same organization and address
    wait for one another. Those of one caller do not wait: some that run at the same moment may exceed the limit.

    Returns:
        The limit that is reached, with nothing counted; None if there was room.

    """
    session = transaction.session
    digest = address_digest(asked.address) if asked.address is not None else None
    owners = sorted(filter(None, (asked.organization and f"of {asked.organization}", digest)))
    if owners:
        session.execute(_TURNS, {"all": [f"offramp limit {whose}" for whose in owners]})
    if (reached := reached_by(session, asked)) is None:
        _count(session, asked)
    return reached


def reached_by(session: Session, asked: Use) -> LimitReached | None:
    """Return the limit that leaves no room for a use, the one that does so for longest; None if there is room, or it is counted."""
    counted = {LimitScope.CALLER: asked.caller}
    values = {"limited": asked.limited.value, "step": asked.step, "caller": person_key(asked.caller)}
    query = _REACHED_BY_CALLER
    if asked.organization is not None and asked.address is not None:
        counted |= {LimitScope.ORGANIZATION: asked.organization, LimitScope.ADDRESS: asked.organization}
        values |= {"organization": asked.organization, "address": address_digest(asked.address)}
        query = _REACHED
    reached = [each for each in session.execute(query, values) if each.free_at is not None]
    if not reached:
        return None
    longest = max(reached, key=lambda each: each.free_at)
    scope = LimitScope(longest.scope)
    return LimitReached(asked.limited, scope, longest.number, longest.free_at, counted[scope])


def _in_the_way(counts: ColumnElement[bool]) -> ScalarSelect[datetime]:
    """Return the use after whose end there is room again: the oldest, unless the limit was lowered meanwhile."""
    of_the_kind = (LimitedUseRow.limited == LimitRow.limited, in_window(), counts)
    uses = select(LimitedUseRow.used_at).where(*of_the_kind).order_by(LimitedUseRow.used_at.desc())
    return uses.offset(LimitRow.number - 1).limit(1).correlate(LimitRow).scalar_subquery()


def use_for(
    transaction: Transaction, limited: Limited, case: Locked, step: Step, *, address: str | None = None
) -> LimitReached | None:
    """Count a code, a try or a link for a case, as `use` does; without ``address``, for that of its administrator on record."""
    return use(
        transaction,
        Use(
            limited=limited,
            step=f"{step.key}:{limited}",
            organization=case.organization.id,
            address=address or case.billing_administrator,
            caller=step.actor,
            cancellation=step.cancellation,
        ),
    )


def refuse_link_if_reached(transaction: Transaction, case: Locked, step: Step, *, address: str | None = None) -> None:
    """Count a link that is mailed because somebody asked for it; raises LimitReached."""
    if (reached := use_for(transaction, Limited.LINKS, case, step, address=address)) is not None:
        raise reached


def with_room_for_mail(
    transaction: Transaction, case: Locked, step: Step, *, address: str | None = None
) -> Transaction:
    """Count a mail about a correction; beyond the limit, return a transaction that mails nobody.

    A correction itself is never refused: a wrong address must not stay because somebody has mailed too much to it.
    """
    reached = use_for(transaction, Limited.CORRECTIONS, case, step, address=address)
    return transaction if reached is None else transaction.without(Channel.MAIL)


def start_of(request: Opening, organization: str | None, address: str | None) -> Use:
    """Return the start of a request.

    One that an agent attests, and that guesses no identity, counts for the caller alone: nobody's flood keeps it away.
    """
    attested = request.attested_because is not None and not guesses_identity(request)
    return Use(
        limited=Limited.STARTS,
        step=f"{request.request_id}:start:{request.digest or ''}",
        organization=None if attested else organization,
        address=None if attested else address,
        caller=request.actor,
    )


def guesses_identity(request: Opening) -> bool:
    """Return true for a request that says who the administrator is, or how the organization is called, and may be wrong."""
    return isinstance(request, OpenMarketingRequest) or not IDENTITY_CHECKS.keys().isdisjoint(request.answers)


def refuse_if_reached(transaction: Transaction, start: Use) -> None:
    """Raise LimitReached where there is no room for a start, before anything else of it is looked at: the answer says nothing."""
    if (reached := reached_by(transaction.session, start)) is not None:
        raise reached


def check_start(transaction: Transaction, start: Use, cancellation: str) -> None:
    """Count the start that opened a case; raises LimitReached."""
    if (reached := use(transaction, replace(start, cancellation=cancellation))) is not None:
        raise reached


def count_refused_start(transaction: Transaction, start: Use, refusal: Refusal) -> None:
    """Count a start that was refused by another rule: for its caller, and where it was a guess, for whom it was about."""
    if isinstance(refusal, LimitReached):
        return
    guess = isinstance(refusal, IdentityMismatch | MarketingIdentityMismatch)
    _count(transaction.session, start if guess else replace(start, organization=None, address=None))


def _count(session: Session, asked: Use) -> None:
    values = {
        "step": asked.step,
        "limited": asked.limited.value,
        "address": address_digest(asked.address) if asked.address is not None else None,
        "organization": asked.organization,
        "caller": person_key(asked.caller),
        "cancellation": asked.cancellation,
    }
    session.execute(_COUNT, values)


def wanted(transaction: Transaction, step: Step) -> None:
    """Count no more, for address and organization, what belongs to a case whose administrator a code has verified."""
    transaction.session.execute(
        update(LimitedUseRow)
        .where(LimitedUseRow.cancellation == step.cancellation, LimitedUseRow.wanted_at.is_(None))
        .values(wanted_at=func.clock_timestamp())
    )


def forget_old_uses(transaction: Transaction) -> int:
    """Remove what counts no more, and return how much that was."""
    old = LimitedUseRow.used_at < func.clock_timestamp() - LIMIT_WINDOW - _KEPT_BEYOND_WINDOW
    removed: int = transaction.session.execute(delete(LimitedUseRow).where(old)).rowcount  # type: ignore[attr-defined]
    return removed


def address_digest(address: str) -> str:
    """Return the form in which an address is counted: the same whatever its case and outer spaces."""
    return hashlib.sha256(address.strip().casefold().encode()).hexdigest()


def in_window() -> ColumnElement[bool]:
    """Return the condition for what is young enough to count."""
    return LimitedUseRow.used_at > func.clock_timestamp() - LIMIT_WINDOW


def counts_of_address(digest: Bound) -> ColumnElement[bool]:
    """Return the condition for what counts for an address (`address_digest`)."""
    kept = LimitedUseRow.wanted_at.is_(None) & LimitedUseRow.address_released_at.is_(None)
    return (LimitedUseRow.address == digest) & kept


def counts_of_organization(organization: Bound) -> ColumnElement[bool]:
    """Return the condition for what counts for an organization."""
    kept = LimitedUseRow.wanted_at.is_(None) & LimitedUseRow.organization_released_at.is_(None)
    return (LimitedUseRow.organization == organization) & kept


def counts_of_caller(key: Bound) -> ColumnElement[bool]:
    """Return the condition for what counts for a caller (`person_key`)."""
    return (LimitedUseRow.caller == key) & LimitedUseRow.caller_released_at.is_(None)


def _reached_by(counts: Mapping[LimitScope, ColumnElement[bool]]) -> Select[str, int, datetime]:
    """Return the query of the limits of some scopes that are in force, each with when there is room again."""
    in_the_way = case({scope.value: _in_the_way(each) for scope, each in counts.items()}, value=LimitRow.scope)
    is_counted = exists().where(LimitedUseRow.step == bindparam("step"))
    in_force = (LimitRow.limited == bindparam("limited"), LimitRow.number.is_not(None))
    free_at = (in_the_way + LIMIT_WINDOW).label("free_at")
    return select(LimitRow.scope, LimitRow.number, free_at).where(*in_force, ~is_counted)


_OF_CALLER = {LimitScope.CALLER: counts_of_caller(bindparam("caller"))}
_REACHED_BY_CALLER = _reached_by(_OF_CALLER)
_REACHED = _reached_by(
    {
        **_OF_CALLER,
        LimitScope.ORGANIZATION: counts_of_organization(bindparam("organization")),
        LimitScope.ADDRESS: counts_of_address(bindparam("address")),
    }
)

"""The steering of bulks by people: confirmed, stopped, resumed, killed; and the switch that stops all of them at once."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import null, update

from domain.actors import THE_SERVICE, is_sent_directly
from domain.bulk import ALONE_UP_TO, PLAN_STANDS_FOR, BulkState, RowState
from domain.bulk.refusals import BulkHasOtherState, BulkNeedsSecondPerson, BulkOfNothing, BulkPlanDiffers
from domain.vocabulary import same_person
from records import audit
from records.bulk.lists import BulkSwitch, find, switch_of
from records.transaction import Transaction
from storage.tables import BulkItemRow, BulkRow, BulkSwitchRow


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a person, or the service, orders about one bulk."""

    bulk: str
    actor: str
    reason: str
    at: datetime
    organizations: Collection[str] | None = None
    """Those that the actor may see; None for all."""
    request: str | None = None
    """The id under which the same order changes nothing when it comes again."""


def confirm(transaction: Transaction, order: Order, *, digest: str) -> None:
    """Confirm the plan of a bulk, exactly as its digest names it; the same request again changes nothing.

    Raises:
        BulkUnknown, BulkHasOtherState (it is confirmed, ended, or too old), BulkPlanDiffers, BulkNeedsSecondPerson,
        BulkOfNothing.

    """
    row = _locked(transaction, order)
    if audit.is_from(transaction.session, f"{order.bulk}:confirmed", order.request):
        return
    if row.state != BulkState.PLANNED.value or order.at >= row.planned_at + PLAN_STANDS_FOR:
        raise BulkHasOtherState(order.bulk, BulkState(row.state), "confirmed")
    if digest != row.digest:
        raise BulkPlanDiffers(order.bulk, digest)
    if not row.ready:
        raise BulkOfNothing(order.bulk)
    if is_sent_directly(order.actor) or (row.ready > ALONE_UP_TO and same_person(order.actor, row.planned_by)):
        raise BulkNeedsSecondPerson(order.bulk, row.ready, order.actor)
    row.state = BulkState.RUNNING.value
    row.confirmed_by, row.confirmed_at, row.confirmed_because = order.actor, order.at, order.reason
    step = f"{order.bulk}:confirmed"
    _record(transaction, "confirmed", order, step=step, after={"digest": digest, "ready": row.ready})


def stop(transaction: Transaction, order: Order) -> None:
    """Start nothing more of a bulk until it is resumed. Raises BulkUnknown, BulkHasOtherState."""
    row = _locked(transaction, order)
    if _is_done(transaction, order.bulk, "stopped", order.request):
        return
    if row.state != BulkState.RUNNING.value:
        raise BulkHasOtherState(order.bulk, BulkState(row.state), "stopped")
    row.state = BulkState.STOPPED.value
    row.halted_by, row.halted_at, row.halted_because = order.actor, order.at, order.reason
    _record(transaction, "stopped", order)


def resume(transaction: Transaction, order: Order) -> None:
    """Go on with a bulk that was stopped; one that runs, or is being planned, changes in nothing, and its workflow is started if it is gone.

    Raises:
        BulkUnknown, BulkHasOtherState.

    """
    row = _locked(transaction, order)
    if _is_done(transaction, order.bulk, "resumed", order.request):
        return
    if row.state not in (BulkState.STOPPED.value, BulkState.RUNNING.value, BulkState.PLANNING.value):
        raise BulkHasOtherState(order.bulk, BulkState(row.state), "resumed")
    if row.state == BulkState.STOPPED.value:
        row.state = BulkState.RUNNING.value
    _record(transaction, "resumed", order)


def kill(transaction: Transaction, order: Order) -> None:
    """End a bulk for good: what is under way gets its result, and nothing else is started. Raises BulkUnknown, BulkHasOtherState."""
    row = _locked(transaction, order)
    if audit.is_from(transaction.session, f"{order.bulk}:killed", order.request):
        return
    if BulkState(row.state).is_final:
        raise BulkHasOtherState(order.bulk, BulkState(row.state), "killed")
    row.halted_by, row.halted_at, row.halted_because = order.actor, order.at, order.reason
    left = _end(transaction, row, BulkState.KILLED, order.at)
    _record(transaction, "killed", order, step=f"{order.bulk}:killed", after={"not_started": left})


def expire_if_due(transaction: Transaction, bulk: str, *, at: datetime) -> None:
    """End a bulk whose plan nobody has confirmed in time."""
    order = Order(bulk=bulk, actor=THE_SERVICE, reason="nobody confirmed the plan in time", at=at)
    row = _locked(transaction, order)
    if row.state != BulkState.PLANNED.value or at < row.planned_at + PLAN_STANDS_FOR:
        return
    left = _end(transaction, row, BulkState.EXPIRED, at)
    _record(transaction, "expired", order, step=f"{bulk}:expired", after={"not_started": left})


def switch_off(
    transaction: Transaction, *, actor: str, reason: str, at: datetime, request: str | None = None
) -> BulkSwitch:
    """Let no bulk of the installation start anything; one that is off already stays as it is."""
    row = _switch(transaction)
    if row.off_since is None and not _is_switched(transaction, "off", request):
        row.off_since, row.switched_by, row.reason = at, actor, reason
        _record_switch(transaction, "off", actor=actor, reason=reason, at=at, request=request)
    transaction.session.flush()
    return switch_of(transaction.session)


def switch_on(
    transaction: Transaction, *, actor: str, reason: str, at: datetime, request: str | None = None
) -> BulkSwitch:
    """Let bulks start again what they have to start."""
    row = _switch(transaction)
    if row.off_since is not None and not _is_switched(transaction, "on", request):
        row.off_since, row.switched_by, row.reason = None, actor, reason
        _record_switch(transaction, "on", actor=actor, reason=reason, at=at, request=request)
    transaction.session.flush()
    return switch_of(transaction.session)


def _switch(transaction: Transaction) -> BulkSwitchRow:
    return transaction.session.get_one(BulkSwitchRow, 1, with_for_update=True)


def _locked(transaction: Transaction, order: Order) -> BulkRow:
    find(transaction.session, order.bulk, order.organizations)
    return transaction.session.get_one(BulkRow, order.bulk, with_for_update=True, populate_existing=True)


def _end(transaction: Transaction, row: BulkRow, state: BulkState, at: datetime) -> int:
    """End a bulk, and every row that was not handed out; return how many these are."""
    row.state, row.ended_at = state.value, at
    waiting = (RowState.PLANNING.value, RowState.READY.value)
    left: int = transaction.session.execute(  # type: ignore[attr-defined]
        update(BulkItemRow)
        .where(BulkItemRow.bulk == row.id, BulkItemRow.state.in_(waiting))
        .values(state=RowState.NOT_STARTED.value, start=null(), settled_at=at)
    ).rowcount
    return left


def _is_done(transaction: Transaction, bulk: str, done: str, request: str | None) -> bool:
    return request is not None and audit.after_of(transaction.session, _step_of(bulk, done, request) or "") is not None


def _is_switched(transaction: Transaction, to: str, request: str | None) -> bool:
    return _is_done(transaction, "bulk-switch", to, request)


def _step_of(bulk: str, done: str, request: str | None) -> str | None:
    """Return the key of a request that may come more than once, each under an id of its own."""
    return None if request is None else f"{bulk}:{done}:{request}"


def _record(
    transaction: Transaction,
    done: str,
    order: Order,
    *,
    step: str | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    transaction.session.flush()
    audit.record(
        transaction,
        f"bulk.{done}",
        actor=order.actor,
        at=order.at,
        step=step or _step_of(order.bulk, done, order.request),
        why=order.reason,
        after={"bulk": order.bulk, **(after or {}), **audit.request(order.request)},
    )


def _record_switch(
    transaction: Transaction, to: str, *, actor: str, reason: str, at: datetime, request: str | None
) -> None:
    audit.record(
        transaction,
        f"bulk.switched_{to}",
        actor=actor,
        at=at,
        step=_step_of("bulk-switch", to, request),
        why=reason,
        after={"off": to == "off", **audit.request(request)},
    )

"""The messages to webhook endpoints that are sent now: claimed by a delivery, and put off by an endpoint.

A message that an endpoint puts off is tried again at growing intervals of its own. Until then those after it of its case wait, so that
each case has its order at each endpoint, and those of all other cases go out.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Exists, and_, exists, false, func, literal, null, or_, select, true, update
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import aliased

from domain.webhooks import GIVEN_UP_AFTER, EndpointState, wait_after
from records.transaction import Transaction
from records.webhooks.messages import PENDING, owed
from storage.tables import MessageRow, WebhookEndpointRow

LEASE = timedelta(seconds=20)
"""The time for which a message is a delivery's to send: longer than a request takes, shorter than until a delivery that died is repeated."""


class Room(NamedTuple):
    """Which endpoints a process may ask at present."""

    full: frozenset[str] = frozenset()
    """Those that have no place."""
    full_if_slow: frozenset[str] = frozenset()
    """Those that have none if they are slow."""
    slow: frozenset[str] = frozenset()
    """Those that are slow, whatever the records say."""
    for_slow_ones: bool = True
    """False if no slow one may be asked."""
    asked: tuple[str, ...] = ()
    """Those that were asked before, the one first that was asked longest ago."""


_EVERYWHERE = Room()


def claim_next(
    transaction: Transaction,
    pending: ColumnElement[bool],
    *,
    at: datetime,
    room: Room = _EVERYWHERE,
    but: Collection[str] = (),
) -> tuple[MessageRow, WebhookEndpointRow] | None:
    """Lease a pending message for `LEASE`, and return it with its endpoint; None if there is none that is to be sent now.

    It is the first one of its case for an endpoint, whether that is leased to another delivery, put off, or neither. Of these, those
    that were never put off come first, in their order, and then those that have waited longest for another attempt. Prompt endpoints come
    before slow ones, and among either those that were asked longest ago, so that each has its turn; ``but`` are endpoints that are not
    to be tried. The rows outlive the transaction, and are not to be changed.
    """
    endpoint, first = aliased(WebhookEndpointRow), aliased(MessageRow)
    is_slow = or_(func.coalesce(endpoint.slow_until > at, false()), endpoint.name.in_(sorted(room.slow)))
    has_place_if_slow = endpoint.name.not_in(sorted(room.full_if_slow)) if room.for_slow_ones else false()
    of_endpoint = (
        select(MessageRow.id)
        .where(*PENDING, pending, MessageRow.recipient == endpoint.name, *_may_go(MessageRow, endpoint, at))
        .where(~after_another())
        .order_by(MessageRow.next_attempt_at.nulls_first(), MessageRow.sequence)
        .limit(1)
        .correlate(endpoint)
        .lateral()
    )
    chosen = (
        select(first.id)
        .select_from(endpoint)
        .join(of_endpoint, true())
        .join(first, first.id == of_endpoint.c.id)
        .where(
            endpoint.state == EndpointState.ACTIVE,
            or_(endpoint.next_attempt_at.is_(None), endpoint.next_attempt_at <= at),
            endpoint.name.not_in(sorted(room.full.union(but))),
            or_(~is_slow, has_place_if_slow),
            # Said of the row itself, too: it may have been claimed, put off, or sent, since this statement began.
            func.num_nonnulls(first.delivered_at, first.failed_at) == 0,
            *_may_go(first, endpoint, at),
        )
        .order_by(
            is_slow,
            func.array_position(literal(list(room.asked), ARRAY(TEXT)), endpoint.name).nulls_first(),
            first.sequence,
        )
        .limit(1)
        .with_for_update(of=first, skip_locked=True)
    )
    lease = (
        update(MessageRow)
        .where(MessageRow.id == chosen.scalar_subquery(), WebhookEndpointRow.name == MessageRow.recipient)
        .values(leased_until=func.clock_timestamp() + LEASE)
        .returning(MessageRow, WebhookEndpointRow)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    transaction.session.flush()
    claimed = transaction.session.execute(lease).one_or_none()
    transaction.session.expunge_all()
    return None if claimed is None else (claimed[0], claimed[1])


def release(transaction: Transaction, message: str) -> None:
    """End the lease of a message that is not sent now."""
    transaction.session.execute(update(MessageRow).where(MessageRow.id == message).values(leased_until=null()))


def put_off(transaction: Transaction, message: MessageRow, endpoint: WebhookEndpointRow, at: datetime) -> bool:
    """Have a message that an endpoint put off wait for its next attempt; return true if it is the first time."""
    since = _put_off_since(message, endpoint)
    number = 1 if since is None else message.put_off + 1
    transaction.session.execute(
        update(MessageRow)
        .where(MessageRow.id == message.id)
        .values(put_off=number, put_off_since=since or at, next_attempt_at=at + wait_after(number), leased_until=null())
    )
    return since is None


def is_refused_for_days(message: MessageRow, endpoint: WebhookEndpointRow, at: datetime) -> bool:
    """Return true for a message that an endpoint has put off for days, and now again though it took the one before."""
    since = _put_off_since(message, endpoint)
    return endpoint.failing_since is None and since is not None and at - since >= GIVEN_UP_AFTER


def after_another(*conditions: ColumnElement[bool]) -> Exists:
    """Return the condition for messages of a case (or run) of which an earlier one waits for the same endpoint.

    ``conditions`` are about the earlier one, which is `EARLIER`.
    """
    return exists().where(
        *owed(EARLIER),
        *conditions,
        EARLIER.recipient == MessageRow.recipient,
        _subject_of(EARLIER) == _subject_of(MessageRow),
        EARLIER.sequence < MessageRow.sequence,
    )


def is_put_off(message: type[MessageRow], endpoint: type[WebhookEndpointRow]) -> ColumnElement[bool]:
    """Return the condition for messages that their endpoint has put off, since it was last resumed."""
    return and_(
        message.put_off_since.is_not(None),
        or_(endpoint.resumed_at.is_(None), message.put_off_since >= endpoint.resumed_at),
    )


EARLIER = aliased(MessageRow)


def _may_go(
    message: type[MessageRow], endpoint: type[WebhookEndpointRow], at: datetime
) -> tuple[ColumnElement[bool], ...]:
    return (
        or_(message.leased_until.is_(None), message.leased_until <= func.clock_timestamp()),
        or_(~is_put_off(message, endpoint), message.next_attempt_at <= at),
    )


def _subject_of(message: type[MessageRow]) -> ColumnElement[str]:
    return func.coalesce(message.cancellation, message.marketing_cancellation, message.run)


def _put_off_since(message: MessageRow, endpoint: WebhookEndpointRow) -> datetime | None:
    """Return the instant at which an endpoint first put off a message, since it was last resumed."""
    since, resumed = message.put_off_since, endpoint.resumed_at
    return None if since is None or (resumed is not None and since < resumed) else since

"""The messages to webhook endpoints: recorded for each that hears of an event, sent again, and how each fared."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Insert, and_, any_, bindparam, case, func, literal, null, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from contract.steps import Reopening
from domain.actors import is_sent_directly
from domain.requests import SenderUnknown
from domain.vocabulary import Channel
from domain.webhooks import CONFIGURED, EndpointState, EndpointUnknown, area_of
from records import audit
from records.transaction import Transaction
from storage.tables import (
    MessageRow,
    WebhookAttemptRow,
    WebhookEndpointRow,
)
from storage.tables.base import core


def owed(message: type[MessageRow]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for messages to endpoints that are neither delivered nor given up, as the indexes of these have them."""
    return (
        message.channel == literal(Channel.WEBHOOK.value, literal_execute=True),
        message.delivered_at.is_(None),
        message.failed_at.is_(None),
    )


PENDING = owed(MessageRow)
_HEARS = WebhookEndpointRow.state != EndpointState.REMOVED
_PASSES = or_(
    func.cardinality(WebhookEndpointRow.events) == 0,
    bindparam("event", type_=MessageRow.event.type) == any_(WebhookEndpointRow.events),
    bindparam("area", type_=MessageRow.event.type) == any_(WebhookEndpointRow.events),
)
"""The condition for endpoints that hear of an event (`domain.webhooks.passes`)."""


class Delivery(BaseModel):
    """One message to an endpoint, and how it fared. Its content is in the case that it is about."""

    model_config = ConfigDict(frozen=True)

    message: str
    """The id, as the header ``webhook-id`` has it."""
    number: int
    """The place in the order of all messages."""
    endpoint: str
    event: str
    cancellation: str | None
    created_at: datetime
    state: Literal["pending", "delivered", "failed"]
    delivered_at: datetime | None
    failure: str | None
    """Why it was given up; of one that is pending, why the last attempt came to nothing."""
    attempts: int
    last_attempt_at: datetime | None
    last_status: int | None
    """The status of the last answer; null where there was none."""


def add_for_endpoints(
    transaction: Transaction,
    event: str,
    *,
    id: str,  # noqa: A002
    only: str | None = None,
    **values: Any,
) -> None:
    """Record a message for each endpoint that hears of an event, also for paused ones; ``id`` is that of the configured one.

    ``only`` is the endpoint that it is for alone, whatever that hears of.
    """
    given = {"event": event, "channel": Channel.WEBHOOK.value, **values}
    of_endpoints = {"message": id, "only": only} if only is not None else {"message": id, "area": area_of(event)}
    transaction.session.execute(_add_for(frozenset(given), only is not None), given | of_endpoints)


@cache
def _add_for(columns: frozenset[str], of_one: bool) -> Insert:
    """Return the statement that adds messages with these columns, for one endpoint or for all that hear of the event.

    Kept, because PostgreSQL takes less time for it than building it anew does.
    """
    names = sorted(columns)
    named = bindparam("message", type_=MessageRow.id.type)
    of_endpoint = case((WebhookEndpointRow.name == CONFIGURED, named), else_=named + "/" + WebhookEndpointRow.name)
    given = [bindparam(name, type_=getattr(MessageRow, name).type) for name in names]
    hears = WebhookEndpointRow.name == bindparam("only") if of_one else _PASSES
    source = select(of_endpoint, WebhookEndpointRow.name, *given).where(_HEARS, hears)
    added = insert(core(MessageRow)).from_select(["id", "recipient", *names], source)
    return added.on_conflict_do_nothing(index_elements=["id"])


def log_attempt(
    transaction: Transaction, message: str, *, at: datetime, status: int | None, failure: str | None, milliseconds: int
) -> None:
    """Keep an attempt to send a message."""
    values = {"message": message, "at": at, "status": status, "failure": failure, "milliseconds": milliseconds}
    transaction.session.execute(insert(WebhookAttemptRow).values(values))


def fail_without_endpoint(transaction: Transaction, pending: ColumnElement[bool], at: datetime) -> None:
    """Give up messages whose endpoint was removed, or is configured no more."""
    active = select(WebhookEndpointRow.name).where(_HEARS)
    transaction.session.execute(
        update(MessageRow)
        .where(*PENDING, pending, MessageRow.recipient.not_in(active))
        .values(failed_at=at, failure="The webhook endpoint was removed.")
    )


def hearing(session: Session, endpoint: str) -> WebhookEndpointRow:
    """Return an endpoint that was not removed. Raises EndpointUnknown."""
    row = session.get(WebhookEndpointRow, endpoint)
    if row is None or row.state == EndpointState.REMOVED:
        raise EndpointUnknown(endpoint)
    return row


def reopen(transaction: Transaction, step: Reopening) -> int:
    """Have messages of an endpoint delivered again, under their ids; return how many. The same step again changes nothing.

    What has lost its content after its time is not sent again. Only a door asks for it: whoever sends it to Temporal directly is refused.

    Raises:
        EndpointUnknown, SenderUnknown.

    """
    if is_sent_directly(step.actor):
        raise SenderUnknown(step.actor)
    hearing(transaction.session, step.endpoint)
    about = {"endpoint": step.endpoint, "failed_only": step.failed_only} | (
        {"messages": list(step.messages)} if step.messages else {}
    )
    if step.since is not None:
        about["since"] = step.since.isoformat()
    if not audit.record(
        transaction, "webhook.resent", actor=step.actor, at=step.at, step=step.key, why=step.why, after=about
    ):
        return 0
    chosen = [MessageRow.recipient == step.endpoint, MessageRow.channel == Channel.WEBHOOK.value]
    chosen.append(func.num_nonnulls(MessageRow.delivered_at, MessageRow.failed_at) == 1)
    if step.messages:
        chosen.append(MessageRow.id.in_(step.messages))
    if step.since is not None:
        chosen.append(MessageRow.created_at >= step.since)
    if step.failed_only:
        chosen.append(MessageRow.failed_at.is_not(None))
    done = transaction.session.execute(
        update(MessageRow)
        .where(and_(*chosen), MessageRow.content != {})
        .values(
            delivered_at=null(),
            failed_at=null(),
            failure=null(),
            leased_until=null(),
            put_off=0,
            put_off_since=null(),
            next_attempt_at=null(),
        )
        .returning(MessageRow.sequence)
    )
    return len(done.all())


def deliveries(
    session: Session, endpoint: str, *, states: Collection[str] = (), before: int | None = None, limit: int = 100
) -> list[Delivery]:
    """Return messages of an endpoint and how they fared, the newest first; ``before`` is the number of the last one of a page."""
    state = case(
        (MessageRow.delivered_at.is_not(None), "delivered"),
        (MessageRow.failed_at.is_not(None), "failed"),
        else_="pending",
    )
    page = (
        select(MessageRow, state.label("state"))
        .where(MessageRow.recipient == endpoint, MessageRow.channel == Channel.WEBHOOK.value)
        .where(*([state.in_(sorted(states))] if states else []))
        .where(*([MessageRow.sequence < before] if before is not None else []))
        .order_by(MessageRow.sequence.desc())
        .limit(limit)
    )
    rows = session.execute(page).all()
    tried = _attempts(session, [row.MessageRow.id for row in rows])
    return [_delivery(row.MessageRow, row.state, *tried.get(row.MessageRow.id, (0, None))) for row in rows]


def _attempts(session: Session, messages: Sequence[str]) -> dict[str, tuple[int, WebhookAttemptRow]]:
    """Return the number of attempts at each message, and the last one."""
    number = func.count().over(partition_by=WebhookAttemptRow.message)
    last = (
        select(WebhookAttemptRow, number)
        .where(WebhookAttemptRow.message.in_(messages))
        .ext(distinct_on(WebhookAttemptRow.message))
        .order_by(WebhookAttemptRow.message, WebhookAttemptRow.id.desc())
    )
    return {row[0].message: (row[1], row[0]) for row in session.execute(last)}


def _delivery(row: MessageRow, state: Any, attempts: int, last: WebhookAttemptRow | None) -> Delivery:
    return Delivery(
        message=row.id,
        number=row.sequence,
        endpoint=row.recipient,
        event=row.event,
        cancellation=row.cancellation or row.marketing_cancellation,
        created_at=row.created_at,
        state=state,
        delivered_at=row.delivered_at,
        failure=row.failure or (last.failure if last else None),
        attempts=attempts,
        last_attempt_at=last.at if last else None,
        last_status=last.status if last else None,
    )

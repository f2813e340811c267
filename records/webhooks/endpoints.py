"""Webhook endpoints, as people add and change them; each change is in the audit trail."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.actors import THE_SERVICE
from domain.requests import RequestIdReused
from domain.system_tasks import Duty
from domain.webhooks import (
    CONFIGURED,
    SECRETS_OVERLAP,
    Endpoint,
    EndpointNameTaken,
    EndpointOfConfiguration,
    EndpointState,
    EndpointUnknown,
    EndpointUrlRefused,
    check_events,
    check_url,
)
from records import audit
from records.transaction import Transaction
from records.webhooks.messages import PENDING, hearing
from storage.tables import MessageRow, WebhookEndpointRow


def configure(engine: Engine, *, is_configured: bool) -> None:
    """Have the endpoint of the configuration, or remove it where there is none; run again, it changes nothing."""
    state = EndpointState.ACTIVE if is_configured else EndpointState.REMOVED
    with Transaction.begin(engine) as transaction:
        if is_configured:
            values = {"name": CONFIGURED, "state": state, "created_at": datetime.now(UTC), "created_by": THE_SERVICE}
            transaction.session.execute(insert(WebhookEndpointRow).values(values).on_conflict_do_nothing())
        row = transaction.session.get(WebhookEndpointRow, CONFIGURED, with_for_update=True)
        if row is not None and (row.state == EndpointState.REMOVED) is is_configured:
            row.state = state.value


def add(
    transaction: Transaction,
    name: str,
    *,
    url: str,
    events: Sequence[str],
    duties: Sequence[Duty] = (),
    owner: str | None,
    secret: str,
    actor: str,
    at: datetime,
    request: str,
) -> str:
    """Add an endpoint; return what its secret is derived from. The same request again adds nothing.

    Raises:
        EndpointNameTaken, EndpointUrlRefused, EventUnknown, RequestIdReused.

    """
    check_url(url)
    if "@" in url:
        raise EndpointUrlRefused("it has a user or a password, and would be shown with it")
    values = {
        "url": url,
        "events": list(check_events(events)),
        "duties": sorted(duties),
        "owner": owner,
        "created_by": actor,
    }
    row = transaction.session.scalar(select(WebhookEndpointRow).where(WebhookEndpointRow.request == request))
    if row is not None:
        if row.state == EndpointState.REMOVED:
            values["owner"] = row.owner
        if (row.name, *(getattr(row, key) for key in values)) != (name, *values.values()):
            raise RequestIdReused(request, "a webhook endpoint")
        return str(row.secret)
    added = transaction.session.execute(
        insert(WebhookEndpointRow)
        .values(name=name, state=EndpointState.ACTIVE, created_at=at, request=request, secret=secret, **values)
        .on_conflict_do_nothing()
        .returning(WebhookEndpointRow)
    ).scalar_one_or_none()
    if added is None:
        raise EndpointNameTaken(name)
    _record(transaction, "webhook.added", added, actor=actor, at=at, request=request)
    return secret


def rotate(
    transaction: Transaction, name: str, *, fresh: Callable[[int], str], actor: str, at: datetime, request: str
) -> WebhookEndpointRow:
    """Give an endpoint another secret, and return its record; the one before signs as well for a day.

    ``fresh`` returns what a new secret is derived from, by its number. Raises EndpointUnknown, EndpointOfConfiguration.
    """
    row = _locked(transaction, name)
    if row.secret is None:
        raise EndpointOfConfiguration(name)
    if _record(transaction, "webhook.secret_rotated", row, actor=actor, at=at, request=request):
        number = int(row.secret.rpartition(":")[2]) + 1
        row.previous_secret, row.previous_until, row.secret = row.secret, at + SECRETS_OVERLAP, fresh(number)
    return row


def pause(transaction: Transaction, name: str, *, reason: str, actor: str, at: datetime, request: str) -> Endpoint:
    """Keep the messages of an endpoint until it is resumed; one that is paused stays so. Raises EndpointUnknown."""
    row = _locked(transaction, name)
    if row.state == EndpointState.ACTIVE and _record(
        transaction, "webhook.paused", row, actor=actor, at=at, request=request, why=reason
    ):
        row.state = EndpointState.PAUSED.value
        row.paused_at, row.paused_by, row.paused_because = at, actor, reason
        row.owner_notified_at = at  # who pauses it knows
    return _shown(transaction.session, row)


def resume(transaction: Transaction, name: str, *, reason: str, actor: str, at: datetime, request: str) -> Endpoint:
    """Let messages go to an endpoint again, those that it is owed first. Raises EndpointUnknown."""
    row = _locked(transaction, name)
    if row.state == EndpointState.PAUSED and _record(
        transaction, "webhook.resumed", row, actor=actor, at=at, request=request, why=reason
    ):
        row.state = EndpointState.ACTIVE.value
        row.paused_at = row.paused_by = row.paused_because = row.owner_notified_at = None
        row.failing_since, row.failures, row.rejections, row.next_attempt_at = None, 0, 0, None
        row.resumed_at = at
    return _shown(transaction.session, row)


def remove(transaction: Transaction, name: str, *, reason: str, actor: str, at: datetime, request: str) -> Endpoint:
    """Send an endpoint nothing more, for good; what it is owed is given up. Raises EndpointUnknown, EndpointOfConfiguration."""
    row = _locked(transaction, name, removed=True)
    if row.secret is None:
        raise EndpointOfConfiguration(name)
    if row.state != EndpointState.REMOVED:
        _record(transaction, "webhook.removed", row, actor=actor, at=at, request=request, why=reason)
        row.state, row.owner = EndpointState.REMOVED.value, None  # nobody is notified of it any more
    return _shown(transaction.session, row)


def endpoints(session: Session) -> list[Endpoint]:
    """Return all endpoints but the removed ones, by name."""
    rows = session.scalars(
        select(WebhookEndpointRow)
        .where(WebhookEndpointRow.state != EndpointState.REMOVED)
        .order_by(WebhookEndpointRow.name)
    )
    return [_shown(session, row) for row in rows]


def endpoint(session: Session, name: str, *, removed: bool = False) -> Endpoint:
    """Return one endpoint; also one that was removed, if ``removed`` is true. Raises EndpointUnknown."""
    row = session.get(WebhookEndpointRow, name) if removed else hearing(session, name)
    if row is None:
        raise EndpointUnknown(name)
    return _shown(session, row)


def _locked(transaction: Transaction, name: str, *, removed: bool = False) -> WebhookEndpointRow:
    row = transaction.session.get(WebhookEndpointRow, name, with_for_update=True)
    if row is None or (row.state == EndpointState.REMOVED and not removed):
        raise EndpointUnknown(name)
    return row


def _shown(session: Session, row: WebhookEndpointRow) -> Endpoint:
    session.flush()
    shown = Endpoint.model_validate(row).model_copy(
        update={"url": None if row.url is None else row.url.partition("?")[0]}
    )
    if row.state == EndpointState.REMOVED:
        return shown
    is_owed = (*PENDING, MessageRow.recipient == row.name)
    of_put_off = select(func.count(), func.min(MessageRow.put_off_since)).where(
        *is_owed, MessageRow.put_off_since >= (row.resumed_at or row.created_at)
    )
    put_off, since = session.execute(of_put_off).one()
    pending = session.scalar(select(func.count()).select_from(MessageRow).where(*is_owed))
    return shown.model_copy(update={"pending": pending, "put_off": put_off, "put_off_since": since})


def _record(
    transaction: Transaction,
    action: str,
    row: WebhookEndpointRow,
    *,
    actor: str,
    at: datetime,
    request: str,
    why: str | None = None,
) -> bool:
    """Add the entry of a change; return False, adding nothing, where the same request made it before."""
    after: dict[str, Any] = {
        "endpoint": row.name,
        "events": list(row.events),
        "duties": list(row.duties),
        "owner": row.owner is not None,
    }
    step = f"webhooks/{row.name}/{action}/{request}"
    return audit.record(transaction, action, actor=actor, at=at, step=step, why=why, after=after)

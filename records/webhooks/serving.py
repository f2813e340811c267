"""Webhook endpoints that messages wait for: why, and which of them a workflow of their own must serve."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from domain.webhooks import EndpointState
from records.webhooks.claims import EARLIER, after_another, is_put_off
from records.webhooks.health import OWNER_TO_NOTIFY, is_slow
from records.webhooks.messages import PENDING
from storage.tables import CancellationRow, MarketingCancellationRow, MessageRow, WebhookEndpointRow


class PutOff(NamedTuple):
    """An endpoint for which messages wait."""

    endpoint: str
    why: str | None
    """Why it takes none; null if it does, and others are under way to it."""
    is_slow: bool


def put_off(session: Session, pending: ColumnElement[bool], at: datetime) -> list[PutOff]:
    """Return the active endpoints for which messages wait, and why, by name."""
    waits = exists().where(*PENDING, pending, MessageRow.recipient == WebhookEndpointRow.name)
    was_asked = or_(is_put_off(MessageRow, WebhookEndpointRow), after_another(is_put_off(EARLIER, WebhookEndpointRow)))
    rows = session.execute(
        select(WebhookEndpointRow, waits.where(~was_asked))
        .where(WebhookEndpointRow.state == EndpointState.ACTIVE, waits)
        .order_by(WebhookEndpointRow.name)
    )
    return [PutOff(row.name, _why(row, is_busy=is_busy), is_slow(row, at)) for row, is_busy in rows]


def _why(row: WebhookEndpointRow, *, is_busy: bool) -> str | None:
    if row.failing_since is not None:
        return row.last_failure
    return None if is_busy else f"The webhook endpoint {row.name} puts off what waits for it, and takes other messages."


def endpoints_to_serve(session: Session, *, after: str, limit: int) -> list[str]:
    """Return the endpoints that a workflow of their own must serve, by name, from the one after ``after``.

    Those that fail and are owed something, or have put it off; those that are owed something of ended cases, for which no other
    workflow sends it; and those whose owner is to hear of it (`OWNER_TO_NOTIFY`).
    """
    owed = (*PENDING, MessageRow.recipient == WebhookEndpointRow.name)
    of_ended = or_(
        MessageRow.run.is_not(None),
        MessageRow.cancellation.in_(select(CancellationRow.id).where(CancellationRow.ended_at.is_not(None))),
        MessageRow.marketing_cancellation.in_(
            select(MarketingCancellationRow.id).where(MarketingCancellationRow.ended_at.is_not(None))
        ),
    )
    is_owed = and_(
        WebhookEndpointRow.state == EndpointState.ACTIVE,
        select(MessageRow.id)
        .where(*owed, or_(WebhookEndpointRow.failing_since.is_not(None), MessageRow.put_off > 0, of_ended))
        .exists(),
    )
    query = select(WebhookEndpointRow.name).where(WebhookEndpointRow.name > after, or_(is_owed, and_(*OWNER_TO_NOTIFY)))
    return list(session.scalars(query.order_by(WebhookEndpointRow.name).limit(limit)))

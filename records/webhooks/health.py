"""The health of webhook endpoints: what the answers to messages say of one, and when it is paused."""

from datetime import datetime, timedelta

from sqlalchemy import and_, func, null, or_, select, update

from domain.actors import THE_SERVICE
from domain.webhooks import DEAD_AFTER, REJECTED_IN_A_ROW, SLOW_FOR, EndpointState, wait_after
from records import audit
from records.transaction import Transaction
from storage.tables import WebhookEndpointRow


def answers_slowly(transaction: Transaction, endpoint: WebhookEndpointRow, *, at: datetime) -> None:
    """Record that an answer of an endpoint took long. Not every one is written, so that deliveries do not wait for one another."""
    if endpoint.slow_until is None or endpoint.slow_until < at + SLOW_FOR * 0.8:
        transaction.session.execute(
            update(WebhookEndpointRow).where(WebhookEndpointRow.name == endpoint.name).values(slow_until=at + SLOW_FOR)
        )


def is_slow(endpoint: WebhookEndpointRow, at: datetime) -> bool:
    """Return true if an endpoint counts as slow at an instant."""
    return endpoint.slow_until is not None and endpoint.slow_until > at


_FOLLOWED_FOR = timedelta(minutes=1)
"""The time for which nobody else asks the workflow of an endpoint to look: it may have been terminated before it did."""


def works(transaction: Transaction, endpoint: WebhookEndpointRow) -> None:
    """Record that an endpoint took a message. One that worked before is not written, so that deliveries do not wait for one another."""
    if endpoint.failing_since is None and not endpoint.rejections:
        return
    transaction.session.execute(
        update(WebhookEndpointRow)
        .where(WebhookEndpointRow.name == endpoint.name)
        .values(failing_since=null(), failures=0, rejections=0, next_attempt_at=null(), last_failure=null())
    )


def rejects(transaction: Transaction, endpoint: str, *, at: datetime, failure: str) -> bool:
    """Record that an endpoint refused a message for good; pause one that has done so many times in a row, and return true then."""
    row = transaction.session.get_one(WebhookEndpointRow, endpoint, with_for_update=True, populate_existing=True)
    row.rejections += 1
    row.failing_since, row.failures, row.next_attempt_at, row.last_failure = None, 0, None, failure
    if row.rejections < REJECTED_IN_A_ROW:
        return False
    _pause(transaction, row, at, f"It refused {row.rejections} messages in a row. {failure}")
    return True


def fails(
    transaction: Transaction, endpoint: str, *, at: datetime, failure: str, is_another: bool, for_good: bool = False
) -> None:
    """Record that an endpoint took nothing this time, and until when it is not asked; pause one that has not for days.

    It is asked the less, the more messages it puts off without taking one. The same one again (``is_another`` is false) may be that
    message's fault, and delays that one alone. ``for_good``: it says itself that it is gone.
    """
    row = transaction.session.get_one(WebhookEndpointRow, endpoint, with_for_update=True, populate_existing=True)
    row.failures += is_another
    row.failing_since = row.failing_since or at
    row.next_attempt_at = at + wait_after(max(row.failures, 1))
    row.last_failure = failure
    if for_good:
        _pause(transaction, row, at, failure)
    elif at - row.failing_since >= DEAD_AFTER:
        _pause(transaction, row, at, f"It has taken nothing for {DEAD_AFTER.days} days. {failure}")


def gives_up(transaction: Transaction, endpoint: str, *, at: datetime) -> None:
    """Record that a message was given up that an endpoint had put off for days: its owner is to hear of it."""
    transaction.session.execute(
        update(WebhookEndpointRow).where(WebhookEndpointRow.name == endpoint).values(gave_up_at=at)
    )


def _pause(transaction: Transaction, row: WebhookEndpointRow, at: datetime, because: str) -> None:
    if row.state != EndpointState.ACTIVE:
        return
    row.state = EndpointState.PAUSED.value
    row.paused_at, row.paused_by, row.paused_because, row.owner_notified_at = at, THE_SERVICE, because, None
    audit.record(
        transaction,
        "webhook.paused",
        actor=THE_SERVICE,
        at=at,
        step=f"webhooks/{row.name}/paused/{at.isoformat()}",
        why=because,
        after={"endpoint": row.name},
    )


def follow(transaction: Transaction, endpoint: str) -> bool:
    """Record that the workflow of an endpoint is asked to look; return False where it was asked a moment ago, and has not looked since."""
    now = func.clock_timestamp()
    row = WebhookEndpointRow
    asked = (
        update(row)
        .where(row.name == endpoint, or_(row.followed_until.is_(None), row.followed_until <= now))
        .values(followed_until=now + _FOLLOWED_FOR)
        .returning(row.name)
    )
    return transaction.session.scalar(asked) is not None


def look(transaction: Transaction, endpoint: str) -> None:
    """Record that it looks, or was not reached: the next delivery asks it again."""
    row = WebhookEndpointRow
    transaction.session.execute(
        update(row).where(row.name == endpoint, row.followed_until.is_not(None)).values(followed_until=null())
    )


def owner_to_notify(transaction: Transaction, endpoint: str) -> WebhookEndpointRow | None:
    """Return an endpoint if its owner is to hear that it was paused by itself, or of what was given up, locked; None otherwise."""
    return transaction.session.scalar(
        select(WebhookEndpointRow)
        .where(WebhookEndpointRow.name == endpoint, *OWNER_TO_NOTIFY)
        .with_for_update(skip_locked=True)
    )


OWNER_TO_NOTIFY = (
    WebhookEndpointRow.owner.is_not(None),
    or_(
        and_(WebhookEndpointRow.state == EndpointState.PAUSED, WebhookEndpointRow.owner_notified_at.is_(None)),
        WebhookEndpointRow.gave_up_at.is_not(None),
    ),
)

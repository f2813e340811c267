"""Webhooks to systems: the outbox's messages as signed requests (Standard Webhooks, https://www.standardwebhooks.com)."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import ColumnElement, Engine
from sqlalchemy.orm import Session
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.common.registration import Registered
from activities.messaging.delivery import (
    TURN_SECONDS,
    MessagePutOff,
    NotAccepted,
    facts_of,
    give_up,
    portable_id,
)
from activities.messaging.http_client import HttpClient
from activities.messaging.mail import Mail
from activities.messaging.webhook_secrets import WebhookKeys
from activities.messaging.webhook_sender import GONE, WebhookSender, body_of
from activities.messaging.webhook_settings import WebhookSettings
from contract import WebhookTested, WorkQueue
from contract.steps import Reopening
from domain.vocabulary import Channel
from records import outbox
from records.audit_seals import head_published_with
from records.transaction import Transaction
from records.webhooks import health, messages
from storage.tables import MessageRow, WebhookEndpointRow

WEBHOOK_ENDPOINT_UNAVAILABLE = "webhook_endpoint_unavailable"

TEST_EVENT = "webhook.test"
"""The type of a message of trial, which is about nothing."""
BACKFILL_SECONDS = 240.0
"""The time after which a backfill begins no further message, and another attempt continues."""
_OF_RUNS = MessageRow.run.is_not(None)


class Webhooks:
    """The activities that send the messages of the outbox to the endpoints.

    Each endpoint has its messages in their order, and waits for no other. One that takes nothing is asked at growing intervals,
    whichever case has something for it, and paused after some days: then nothing waits for it any more, and what it is owed is
    kept until it is resumed.
    """

    def __init__(
        self,
        engine: Engine,
        settings: WebhookSettings,
        client: HttpClient,
        *,
        keys: WebhookKeys | None = None,
        mail: Mail | None = None,
    ) -> None:
        self._engine = engine
        self._sender = WebhookSender(settings, client, keys or WebhookKeys())
        self._mail = mail

    @property
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {
            WorkQueue.WEBHOOKS: [
                self.deliver_webhooks,
                self.deliver_line_events,
                self.backfill_webhooks,
                self.reopen_webhooks,
                self.test_webhook,
            ]
        }

    @activity.defn(no_thread_cancel_exception=True)
    def deliver_webhooks(self, cancellation: str) -> int:
        """Send the pending messages of a cancellation, and return the sequence number up to which all are handled.

        All of them, or as many as it can begin within a turn; the workflow has the rest delivered in another one. Run again,
        it sends nothing again; after a crash between an endpoint's acceptance and our record of it, one request is sent
        twice with the same webhook-id.

        Raises:
            ApplicationError: ``webhook_endpoint_unavailable``, to be retried (`activities.common.retries.WEBHOOK_RETRY`).

        """
        about, turn_over = outbox.about(cancellation), time.monotonic() + TURN_SECONDS
        with Session(self._engine) as session:
            recorded = outbox.last_of(session, cancellation).get(Channel.WEBHOOK, 0)
        last = self._deliver(about, lambda: time.monotonic() >= turn_over)
        if last is not None:
            return last
        self._end(about)
        return recorded

    @activity.defn(no_thread_cancel_exception=True)
    def deliver_line_events(self) -> None:
        """Send every pending message about closed and rolled lines, of any run.

        Raises:
            ApplicationError: ``webhook_endpoint_unavailable``, to be retried (`activities.common.retries.WEBHOOK_RETRY`).

        """
        self._deliver(_OF_RUNS, _heartbeat)
        self._end(_OF_RUNS)

    @activity.defn(no_thread_cancel_exception=True)
    def backfill_webhooks(self, endpoint: str) -> bool:
        """Send what an endpoint is owed, for some minutes; return true if nothing is left that could be sent.

        Raises:
            ApplicationError: ``webhook_endpoint_unavailable``, to be retried (`activities.common.retries.WEBHOOK_RETRY`).

        """
        owed, over = MessageRow.recipient == endpoint, time.monotonic() + BACKFILL_SECONDS

        def stops() -> bool:
            return _heartbeat() or activity.is_worker_shutdown() or time.monotonic() >= over

        if self._deliver(owed, stops) is not None:
            return False
        self._end(owed)
        return True

    @activity.defn(no_thread_cancel_exception=True)
    def reopen_webhooks(self, step: Reopening) -> int:
        """Have messages of an endpoint sent again, once; return how many. Raises EndpointUnknown, SenderUnknown."""
        with Transaction.begin(self._engine) as transaction:
            return messages.reopen(transaction, step)

    @activity.defn(no_thread_cancel_exception=True)
    def test_webhook(self, endpoint: str) -> WebhookTested:
        """Send an endpoint a message of trial, also while it is paused; return its answer. Raises EndpointUnknown."""
        with Session(self._engine) as session:
            row = messages.hearing(session, endpoint)
        now, began, failure = datetime.now(UTC), time.monotonic(), None
        body = body_of(TEST_EVENT, now, {"endpoint": endpoint}, None)
        try:
            status: int | None = self._sender.send(row, f"webhooks/{endpoint}/{uuid4()}", body)
        except NotAccepted as refused:
            status, failure = refused.status, refused.reason
        taken = round((time.monotonic() - began) * 1000)
        return WebhookTested(accepted=failure is None, status=status, failure=failure, milliseconds=taken)

    def _deliver(self, pending: ColumnElement[bool], stops: Callable[[], bool]) -> int | None:
        """Send pending messages, the oldest first, to every endpoint that takes some; one that does not is left out.

        Return the number of the last one after which it had to stop, or None where none is left that could be sent.
        """
        with Transaction.begin(self._engine) as transaction:
            messages.fail_without_endpoint(transaction, pending, datetime.now(UTC))
        put_off: set[str] = set()
        while True:
            with Transaction.begin(self._engine) as transaction:
                claimed = messages.claim_next(transaction, pending, at=datetime.now(UTC), but=put_off)
                if claimed is None:
                    return None
                message, endpoint = claimed
                number = message.sequence
                if not self._sent(transaction, message, endpoint):
                    put_off.add(endpoint.name)
            if stops():
                return number

    def _end(self, pending: ColumnElement[bool]) -> None:
        """Notify the owners of endpoints that were paused, and raise where something waits for one that is not."""
        self._notify_owners()
        with Session(self._engine) as session:
            why = messages.why_put_off(session, pending)
        if why is not None:
            raise ApplicationError(why, type=WEBHOOK_ENDPOINT_UNAVAILABLE)

    def _notify_owners(self) -> None:
        while self._mail is not None:
            with Transaction.begin(self._engine) as transaction:
                endpoint = health.owner_to_notify(transaction)
                if endpoint is None:
                    return
                self._mail.send_pause_notice(endpoint)
                endpoint.owner_notified_at = datetime.now(UTC)

    def _sent(self, transaction: Transaction, message: MessageRow, endpoint: WebhookEndpointRow) -> bool:
        """Send a message, and record how that went; return False if its endpoint is to be asked later."""
        began, status, failure = time.monotonic(), None, None
        is_put_off = False
        try:
            status = self._send(message, endpoint)
        except NotAccepted as refused:
            failure, status, is_put_off = refused.reason, refused.status, isinstance(refused, MessagePutOff)
        at, milliseconds = datetime.now(UTC), round((time.monotonic() - began) * 1000)
        messages.log_attempt(transaction, message.id, at=at, status=status, failure=failure, milliseconds=milliseconds)
        if failure is None:
            outbox.mark_delivered(transaction, message.id, at)
            health.works(transaction, endpoint)
        elif is_put_off:
            health.fails(transaction, endpoint.name, at=at, failure=failure, for_good=status == GONE)
        else:
            give_up(transaction, message, failure)
            health.rejects(transaction, endpoint.name, at=at, failure=failure)
        return not is_put_off

    def _send(self, message: MessageRow, endpoint: WebhookEndpointRow) -> int:
        """Send a message; return the status with which the endpoint has accepted it.

        Raises:
            MessageRejected: it never will: it answers with a permanent 4xx.
            MessagePutOff: it may later, or is gone.

        """
        with Session(self._engine) as session:
            head = head_published_with(session, message.created_at)
        data = message.content if message.run is not None else facts_of(message).for_systems()
        content = body_of(message.event, message.created_at, data, head)
        return self._sender.send(endpoint, portable_id(message.id), content)


def _heartbeat() -> bool:
    activity.heartbeat()
    return False

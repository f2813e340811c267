"""Webhooks to systems: the outbox's messages as signed requests (Standard Webhooks, https://www.standardwebhooks.com)."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import ColumnElement, Engine
from sqlalchemy.orm import Session
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.common.registration import Registered
from activities.messaging.answers import Answer, record
from activities.messaging.delivery import (
    TURN_SECONDS,
    NotAccepted,
    facts_of,
    portable_id,
)
from activities.messaging.http_client import HttpClient
from activities.messaging.mail import Mail
from activities.messaging.places import Places
from activities.messaging.waiting import refuse_if_busy, refuse_to_leave
from activities.messaging.webhook_secrets import WebhookKeys
from activities.messaging.webhook_sender import WebhookSender, body_of
from activities.messaging.webhook_settings import WebhookSettings
from contract import WebhookTested, WorkQueue
from contract.steps import Reopening
from domain.vocabulary import Channel
from domain.webhooks import TEST_EVENT, EndpointState
from records import outbox
from records.audit_seals import head_published_with
from records.transaction import Transaction
from records.webhooks import claims, health, messages, serving
from storage.tables import MessageRow, WebhookEndpointRow

BACKFILL_SECONDS = 20.0
"""The time after which a backfill begins no further message, and another activity continues after others had their turn."""
ATTEMPTS_AT_BUSY = 3
"""The attempts of a delivery at an endpoint that is busy with other messages, before it leaves its own to the endpoint's workflow."""
LOOKS_IN_A_ROW = 60
"""The attempts of a backfill, for about an hour, after which it ends, and its workflow may continue as new."""
BUSY = "Other messages are under way to this webhook endpoint, which answers slowly. Try it again later."
_OF_RUNS = MessageRow.run.is_not(None)


@dataclass(frozen=True)
class _Sending:
    """A message that is leased to be sent."""

    message: MessageRow
    endpoint: WebhookEndpointRow
    body: str


class Webhooks:
    """The activities that send the messages of the outbox to the endpoints.

    Each endpoint has the messages of a case in their order, and waits for no other. What it puts off is tried again at growing intervals,
    and keeps nothing of other cases from it. One that takes nothing is asked at growing intervals, too, whichever case has something
    for it, and paused after some days: then nothing waits for it any more, and what it is owed is kept until it is resumed. One that
    answers slowly leaves threads to the others (`Places`), and no request has a transaction open.
    """

    def __init__(
        self,
        engine: Engine,
        settings: WebhookSettings,
        client: HttpClient,
        *,
        keys: WebhookKeys | None = None,
        mail: Mail | None = None,
        follow: Callable[[str], None] | None = None,
    ) -> None:
        self._engine = engine
        self._follow = follow
        self._sender = WebhookSender(settings, client, keys or WebhookKeys())
        self._mail = mail
        self._places = Places()

    @property
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {
            WorkQueue.WEBHOOKS: [
                self.deliver_webhooks,
                self.deliver_line_events,
                self.backfill_webhooks,
                self.notify_owner,
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

        What an endpoint does not take is sent by a workflow of its own (`WebhookEndpoint`), and no case waits for it.

        Raises:
            ApplicationError: ``webhook_endpoint_unavailable``, to be retried (`activities.common.retries.WEBHOOK_RETRY`): an
                endpoint is busy with other messages.

        """
        about, turn_over = outbox.about(cancellation), time.monotonic() + TURN_SECONDS
        with Session(self._engine) as session:
            recorded = outbox.last_of(session, cancellation).get(Channel.WEBHOOK, 0)
        last = self._deliver(about, lambda: time.monotonic() >= turn_over)
        self._leave(about if last is None else about & (MessageRow.sequence < last))
        return recorded if last is None else last

    @activity.defn(no_thread_cancel_exception=True)
    def deliver_line_events(self) -> None:
        """Send every pending message about closed and rolled lines, of any run.

        Raises:
            ApplicationError: ``webhook_endpoint_unavailable``, to be retried (`activities.common.retries.WEBHOOK_RETRY`).

        """
        self._deliver(_OF_RUNS, _heartbeat)
        self._leave(_OF_RUNS)

    @activity.defn(no_thread_cancel_exception=True)
    def backfill_webhooks(self, endpoint: str) -> bool:
        """Send what an endpoint is owed, for a while; return true if nothing is left that could be sent.

        While something is left that the endpoint puts off, it fails, and looks again after a minute at most.

        Raises:
            ApplicationError: ``webhook_endpoint_unavailable``, to be retried (`activities.common.retries.WEBHOOK_RETRY`).

        """
        owed, over = MessageRow.recipient == endpoint, time.monotonic() + BACKFILL_SECONDS
        with Transaction.begin(self._engine) as transaction:
            health.look(transaction, endpoint)

        def stops() -> bool:
            return _heartbeat() or activity.is_worker_shutdown() or time.monotonic() >= over

        is_over = self._deliver(owed, stops) is not None
        waiting = () if is_over else self._waiting(owed)
        if not is_over and not waiting:
            return True
        with suppress(ApplicationError):
            self.notify_owner(endpoint)  # no webhook waits for this mail: the next look tries it again
        if activity.info().attempt < LOOKS_IN_A_ROW:
            refuse_to_leave(waiting)
        return False

    @activity.defn(no_thread_cancel_exception=True)
    def notify_owner(self, endpoint: str) -> None:
        """Notify the owner of an endpoint that was paused by itself, or for which a message was given up, once; of another one nobody.

        Raises:
            ApplicationError: ``mail_server_unavailable``, to be retried (`activities.common.retries.MAIL_RETRY`).

        """
        if self._mail is None:
            return
        with Transaction.begin(self._engine) as transaction:
            row = health.owner_to_notify(transaction, endpoint)
            if row is None:
                return
            if row.state == EndpointState.PAUSED and row.owner_notified_at is None:
                self._mail.send_pause_notice(row)
                row.owner_notified_at = datetime.now(UTC)
            if row.gave_up_at is not None:
                self._mail.send_notice_of_given_up(row, row.gave_up_at)
                row.gave_up_at = None

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
        body = body_of(TEST_EVENT, datetime.now(UTC), {"endpoint": endpoint}, None)
        answer = self._asked(row, f"webhooks/{endpoint}/{uuid4()}", body)
        if answer is None:
            return WebhookTested(accepted=False, status=None, failure=BUSY, milliseconds=0)
        failure = None if answer.refused is None else answer.refused.reason
        return WebhookTested(
            accepted=failure is None, status=answer.status, failure=failure, milliseconds=answer.milliseconds
        )

    def _deliver(self, pending: ColumnElement[bool], stops: Callable[[], bool]) -> int | None:
        """Send pending messages to every endpoint that takes some, the oldest of each first; one that puts off one is left out.

        Return the number of the last one after which it had to stop, or None where none is left that could be sent. Each
        transaction records how one message fared and leases the next.
        """
        put_off: set[str] = set()
        with Transaction.begin(self._engine) as transaction:
            messages.fail_without_endpoint(transaction, pending, datetime.now(UTC))
            sending = self._next(transaction, pending, put_off)
        number, is_over = 0, False
        while sending is not None:
            message, endpoint = sending.message, sending.endpoint
            answer = self._asked(endpoint, portable_id(message.id), sending.body)
            number, is_over = message.sequence, stops()
            with Transaction.begin(self._engine) as transaction:
                if answer is None:
                    claims.release(transaction, message.id)
                elif not record(transaction, message, endpoint, answer):
                    put_off.add(endpoint.name)
                sending = None if is_over else self._next(transaction, pending, put_off)
        for name in sorted(put_off):
            self._have_served(name)
        return number if is_over else None

    def _next(self, transaction: Transaction, pending: ColumnElement[bool], put_off: set[str]) -> _Sending | None:
        claimed = claims.claim_next(transaction, pending, at=datetime.now(UTC), room=self._places.room(), but=put_off)
        if claimed is None:
            return None
        message, endpoint = claimed
        head = head_published_with(transaction.session, message.created_at)
        data = message.content if message.run is not None else facts_of(message).for_systems()
        return _Sending(message, endpoint, body_of(message.event, message.created_at, data, head))

    def _asked(self, endpoint: WebhookEndpointRow, message_id: str, body: str) -> Answer | None:
        """Send an endpoint a message, and return how that went; None, with nothing sent, where there is no place for it."""
        is_slow = health.is_slow(endpoint, datetime.now(UTC))
        with self._places.take(endpoint.name, is_slow=is_slow) as is_taken:
            if not is_taken:
                return None
            began, status, refused = time.monotonic(), None, None
            try:
                status = self._sender.send(endpoint, message_id, body)
            except NotAccepted as not_accepted:
                status, refused = not_accepted.status, not_accepted
            return Answer(datetime.now(UTC), round((time.monotonic() - began) * 1000), status, refused)

    def _leave(self, pending: ColumnElement[bool]) -> None:
        """Have what waits for an endpoint sent by a workflow of its own; raise where one is but busy, which soon passes."""
        if self._follow is None:
            return refuse_to_leave(self._waiting(pending))
        waiting = self._waiting(pending)
        if activity.info().attempt <= ATTEMPTS_AT_BUSY:
            refuse_if_busy(waiting)
        for each in waiting:
            self._have_served(each.endpoint)
        return None

    def _have_served(self, endpoint: str) -> None:
        """Have the workflow of an endpoint look, once until it does: however many cases have something for it.

        A delivery that has sent what it could does not fail because Temporal is not reached: the reconciliation starts that workflow.
        """
        if self._follow is None:
            return
        with Transaction.begin(self._engine) as transaction:
            if not health.follow(transaction, endpoint):
                return
        try:
            self._follow(endpoint)
        except (RPCError, TimeoutError) as error:
            activity.logger.warning(
                "The workflow of the endpoint %s was not reached: %s", endpoint, type(error).__name__
            )
            with Transaction.begin(self._engine) as transaction:
                health.look(transaction, endpoint)

    def _waiting(self, pending: ColumnElement[bool]) -> Sequence[serving.PutOff]:
        with Session(self._engine) as session:
            return serving.put_off(session, pending, datetime.now(UTC))


def _heartbeat() -> bool:
    activity.heartbeat()
    return False

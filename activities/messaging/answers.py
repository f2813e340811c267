"""The answers of webhook endpoints, and what becomes of a message and its endpoint by them."""

from dataclasses import dataclass
from datetime import datetime

from activities.messaging.delivery import MessagePutOff, NotAccepted, give_up
from activities.messaging.webhook_sender import GONE
from records import outbox
from records.transaction import Transaction
from records.webhooks import health, messages
from storage.tables import MessageRow, WebhookEndpointRow


@dataclass(frozen=True)
class Answer:
    """The answer to a message, or why there is none."""

    at: datetime
    milliseconds: int
    status: int | None
    refused: NotAccepted | None


def record(transaction: Transaction, message: MessageRow, endpoint: WebhookEndpointRow, answer: Answer) -> bool:
    """Record how a message fared; return False if its endpoint is to be asked later."""
    at, refused = answer.at, answer.refused
    failure = None if refused is None else refused.reason
    messages.log_attempt(
        transaction, message.id, at=at, status=answer.status, failure=failure, milliseconds=answer.milliseconds
    )
    if refused is None:
        outbox.mark_delivered(transaction, message.id, at)
        health.works(transaction, endpoint)
    elif isinstance(refused, MessagePutOff):
        messages.release(transaction, message.id)
        health.fails(transaction, endpoint.name, at=at, failure=refused.reason, for_good=answer.status == GONE)
        return False
    else:
        give_up(transaction, message, refused.reason)
        return not health.rejects(transaction, endpoint.name, at=at, failure=refused.reason)
    return True

"""The answers of webhook endpoints, and what becomes of a message and its endpoint by them."""

from dataclasses import dataclass
from datetime import datetime

from activities.messaging import places
from activities.messaging.delivery import MessagePutOff, NotAccepted, give_up
from activities.messaging.webhook_sender import GONE
from domain.webhooks import GIVEN_UP_AFTER
from records import outbox
from records.transaction import Transaction
from records.webhooks import claims, health, messages
from storage.tables import MessageRow, WebhookEndpointRow


@dataclass(frozen=True)
class Answer:
    """The answer to a message, or why there is none."""

    at: datetime
    milliseconds: int
    status: int | None
    refused: NotAccepted | None


def record(transaction: Transaction, message: MessageRow, endpoint: WebhookEndpointRow, answer: Answer) -> bool:
    """Record how a message fared; return False if its endpoint is to be asked later.

    What an endpoint puts off waits by itself, and is given up after days in which the endpoint took others; one that took
    nothing for days is paused.
    """
    at, refused = answer.at, answer.refused
    failure = None if refused is None else refused.reason
    messages.log_attempt(
        transaction, message.id, at=at, status=answer.status, failure=failure, milliseconds=answer.milliseconds
    )
    if answer.milliseconds >= 1000 * places.PROMPT_SECONDS:
        health.answers_slowly(transaction, endpoint, at=at)
    if refused is None:
        outbox.mark_delivered(transaction, message.id, at)
        health.works(transaction, endpoint)
    elif isinstance(refused, MessagePutOff):
        is_gone = answer.status == GONE
        if not is_gone and claims.is_refused_for_days(message, endpoint, at):
            since = f"It has put this message off for {GIVEN_UP_AFTER.days} days, and taken others."
            give_up(transaction, message, f"{refused.reason} {since}")
            health.gives_up(transaction, endpoint.name, at=at)
        else:
            is_another = claims.put_off(transaction, message, endpoint, at)
            health.fails(
                transaction, endpoint.name, at=at, failure=refused.reason, is_another=is_another, for_good=is_gone
            )
        return False
    else:
        give_up(transaction, message, refused.reason)
        return not health.rejects(transaction, endpoint.name, at=at, failure=refused.reason)
    return True

"""The delivery of the outbox: messages recorded in the transaction of their event are handed over, oldest first.

Each is delivered at least once under a stable id, in the order of one cancellation: a message is marked as soon as its
receiver has accepted it, and a crash between the two repeats it under the same id.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from sqlalchemy import Engine
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.actors import THE_SERVICE
from domain.cases import CaseRef
from domain.messaging import FACTS, Facts
from records import addressees, audit, joint_letters, outbox
from records.transaction import Transaction
from storage.tables import MessageRow

TURN_SECONDS = 5.0
"""The time after which a delivery begins no further message: the next turn is that of other cases. With the deadline of a
message it stays within the time limit of the activity, so that no second attempt begins beside it."""

PUT_OFF_FOR = timedelta(days=5)
"""The time for which a mail may be put off (RFC 5321, 4.5.4.1), from the first time that it is."""

GATHERED = "mail_is_gathered"
"""The type of the failure of a delivery whose mail waits for those of other cases."""


class NotAccepted(Exception):  # noqa: N818 - the receiver's answer, not a fault of the program
    """A receiver's answer to one message that it has not accepted.

    Args:
        reason: without personal data: it goes into the audit trail.
        status: of the answer, where it has one.

    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        self.reason = reason
        self.status = status
        super().__init__(reason)


class MessageRejected(NotAccepted):
    """The receiver's final refusal of one message; it may still accept others."""


class MessagePutOff(NotAccepted):
    """The receiver's temporary refusal of one message."""


def deliver_all(
    engine: Engine,
    cancellation: str,
    hand_over: Callable[[Sequence[MessageRow]], None],
    *,
    unavailable: str,
    quiet: timedelta,
) -> int:
    """Hand over the pending mails of a cancellation, and return the sequence number up to which all are handled.

    All of them, or as many as it can begin within `TURN_SECONDS`; the workflow has the rest delivered in another turn.
    ``hand_over`` is given one message, or those of one letter about several cases (`records.joint_letters`, where ``quiet`` is
    explained). It returns when the receiver has accepted them, raises `MessageRejected` if it never will (they are given up, and
    the next one tried), and `MessagePutOff` if it might later. Then nothing more is tried, so that the order is kept, until they
    have been put off for `PUT_OFF_FOR`: then they are given up as well, so that no absent receiver blocks a cancellation for
    ever. What else they have waited for, a receiver that takes nothing at all or the mail before them, is not counted. Returns 0
    if the cancellation has no mail.

    Raises:
        ApplicationError: to be retried: of type ``unavailable`` where a message is put off, of type `GATHERED` where it waits for
            those of other cases.

    """
    turn_over = time.monotonic() + TURN_SECONDS
    mails, handled = None, 0
    while True:
        with Transaction.begin(engine) as transaction:
            # Read before the claim: a message recorded between the two must not count as handled.
            mails = mails or outbox.mails_of(transaction.session, cancellation)
            if not mails.pending:
                return mails.newest
            claim = joint_letters.claim_next(transaction, cancellation, is_gathered=mails.is_gathered, quiet=quiet)
            _refuse_to_wait(claim)
            if claim.is_repeated:
                mails, handled = None, 0
                continue
            if not claim.messages:
                return mails.newest
            addressees.readdress(transaction.session, claim.messages)
            failure, put_off = _handed_over(claim.messages, hand_over)
            if put_off is None:
                _settle(transaction, claim.messages, failure)
            handled_up_to = next(each.sequence for each in claim.messages if _case_of(each) == cancellation)
        if put_off is not None:  # after the transaction, which has recorded since when
            raise ApplicationError(put_off, type=unavailable)
        handled += 1
        if handled == mails.pending:
            return mails.newest
        if time.monotonic() >= turn_over:
            return handled_up_to


def portable_id(message: str) -> str:
    """Return a message's id in its external form, for Message-ID and webhook-id headers.

    Percent-encoded, the full stop included: it separates the parts of what a webhook's signature covers, and RFC 5322
    forbids it in some places. What remains is legal in both; the slash is.
    """
    return quote(message, safe="/").replace(".", "%2E")


def facts_of(message: MessageRow) -> Facts:
    """Return the facts of a message about a case."""
    return FACTS[CaseRef.parse(message.content["cancellation"]).kind].model_validate(message.content)


def _handed_over(
    messages: Sequence[MessageRow], hand_over: Callable[[Sequence[MessageRow]], None]
) -> tuple[str | None, str | None]:
    """Hand a letter over; return why it is given up, if it is, and why it is put off, if it is that."""
    try:
        hand_over(messages)
    except MessageRejected as rejection:
        return rejection.reason, None
    except MessagePutOff as delay:
        since = _put_off(messages)
        if since <= datetime.now(UTC) - PUT_OFF_FOR:
            return f"{delay.reason} Given up after {PUT_OFF_FOR.days} days.", None
        return None, delay.reason
    return None, None


def _put_off(messages: Sequence[MessageRow]) -> datetime:
    """Record that the mails of a letter were put off once more, and return since when all of them are."""
    now = datetime.now(UTC)
    for message in messages:
        message.put_off_since = message.put_off_since or now
        message.put_off += 1
    return max(message.put_off_since or now for message in messages)


def _refuse_to_wait(claim: joint_letters.Claim) -> None:
    """End a delivery whose mail waits, until it does no longer: a waiting delivery keeps no thread and no connection."""
    if claim.wait is not None:
        raise ApplicationError(
            "The mail waits for those about other subscriptions of the organization, to be one letter.",
            type=GATHERED,
            next_retry_delay=claim.wait,
            category=ApplicationErrorCategory.BENIGN,
        )


def _settle(transaction: Transaction, messages: Sequence[MessageRow], failure: str | None) -> None:
    for message in messages:
        if failure is None:
            outbox.mark_delivered(transaction, message.id, datetime.now(UTC))
        else:
            give_up(transaction, message, failure)


def _case_of(message: MessageRow) -> str | None:
    return message.cancellation or message.marketing_cancellation


def give_up(transaction: Transaction, message: MessageRow, reason: str) -> None:
    """Give a message up for good, with the reason, and audit that."""
    now = datetime.now(UTC)
    case = _case_of(message)
    outbox.mark_failed(transaction, message.id, now, reason)
    audit.record(
        transaction,
        "message.failed",
        actor=THE_SERVICE,
        at=now,
        step=f"{message.id}:failed",
        why=reason,
        subscription=CaseRef.parse(case).subscription if case else None,
        cancellation=case,
        after={"message": message.id, "event": message.event, "channel": message.channel},
    )

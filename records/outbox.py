"""The outbox: messages, written in the transaction of the event that they announce, and the state of their delivery."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, false, func, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from domain.cases import CaseKind, CaseRef
from domain.messaging import Facts, channels_of
from domain.vocabulary import Channel, Event, message_id
from records.addressees import Addressee
from records.transaction import Transaction
from records.webhooks.messages import add_for_endpoints
from storage.tables import CASE_TABLES, MessageRow
from storage.tables.base import core

PENDING = (MessageRow.delivered_at.is_(None), MessageRow.failed_at.is_(None))
"""The conditions for messages that are neither delivered nor given up, on whatever channel."""
_MARK_DELIVERED = (
    update(core(MessageRow))
    .where(MessageRow.id == bindparam("message"), MessageRow.failed_at.is_(None))
    .values(delivered_at=bindparam("at"), leased_until=null())
)
_ADD = insert(core(MessageRow)).on_conflict_do_nothing(index_elements=["id"])
_ADD_GATHERED = _ADD.values(gathered_at=func.clock_timestamp())
_PENDING_OF_RUNS = (MessageRow.run.is_not(None), *PENDING)


def add(
    transaction: Transaction,
    event: Event,
    facts: Facts,
    *,
    occasion: str,
    mail_to: str,
    addressee: Addressee | None = None,
    endpoint: str | None = None,
    bulk: str | None = None,
) -> None:
    """Record that an occasion is to be announced: a message on each of the transaction's channels that has the event.

    Mail goes to ``mail_to``, or to what is the address of its ``addressee`` when it is sent.
    On the channel of webhooks it is one for each endpoint that hears of the event, or for ``endpoint`` alone. Mail is gathered with that
    of the other cases of a ``bulk`` (`records.joint_letters`).
    """
    for channel in channels_of(event, transaction.channels):
        message: dict[str, Any] = {
            "id": message_id(facts.cancellation, occasion, channel),
            _column_of(facts.cancellation).key: facts.cancellation,
            "event": event.value,
            "content": facts.model_dump(mode="json"),
            "created_at": facts.recorded_at or facts.occurred_at,
        }
        if channel is Channel.WEBHOOK:
            add_for_endpoints(transaction, only=endpoint, **message)
        else:
            message |= {"channel": channel.value, "recipient": mail_to, "bulk": bulk}
            message["addressee"] = str(addressee) if addressee else None
            transaction.session.execute(_ADD_GATHERED if bulk else _ADD, message)


def last_of(session: Session, cancellation: str) -> dict[Channel, int]:
    """Return the sequence number of a case's newest message on each channel that has one."""
    session.flush()
    rows = session.execute(_statements(CaseRef.parse(cancellation).kind).last_of, {"case": cancellation})
    return {Channel(channel): sequence for channel, sequence in rows}


@dataclass(frozen=True)
class MailsOfCase:
    """What a case has in its outbox for people."""

    newest: int
    """The number of its newest mail; 0 if it has none."""
    pending: int
    """The number of mails that are pending."""
    is_gathered: bool
    """True if one of those is gathered with those of other cases (`records.joint_letters`)."""


def mails_of(session: Session, cancellation: str) -> MailsOfCase:
    """Return what a case has in its outbox for people."""
    mails = _statements(CaseRef.parse(cancellation).kind).mails_of
    newest, waiting, is_gathered = session.execute(mails, {"case": cancellation}).one()
    return MailsOfCase(newest, waiting, is_gathered)


def claim_next(transaction: Transaction, cancellation: str, channel: Channel) -> MessageRow | None:
    """Return the oldest pending message, locked until the transaction ends; None if nothing is pending.

    Another delivery for the same case, for example a running attempt that Temporal has given up, waits here and then
    finds the message marked.
    """
    oldest = _statements(CaseRef.parse(cancellation).kind).claim_next
    return transaction.session.scalar(oldest, {"case": cancellation, "channel": channel.value})


def count_pending_of_runs(session: Session) -> int:
    """Return the number of undelivered messages about updates of line dates."""
    return session.scalar(select(func.count()).select_from(MessageRow).where(*_PENDING_OF_RUNS)) or 0


def mark_delivered(transaction: Transaction, message: str, at: datetime) -> None:
    """Record that a message was handed over. One that was given up meanwhile stays so."""
    transaction.session.execute(_MARK_DELIVERED, {"message": message, "at": at})


def mark_failed(transaction: Transaction, message: str, at: datetime, failure: str) -> None:
    """Record that a message was given up, with the reason."""
    transaction.session.execute(
        update(MessageRow)
        .where(MessageRow.id == message, MessageRow.delivered_at.is_(None))
        .values(failed_at=at, failure=failure, leased_until=null())
    )


def about(case: str) -> ColumnElement[bool]:
    """Return the condition for the messages about a case."""
    return _column_of(case) == case


@dataclass(frozen=True)
class _Statements:
    """The statements that every step of a case takes; ``:case`` is its id. PostgreSQL takes less time than building them anew does."""

    last_of: Select[str, int]
    mails_of: Select[int, int, bool]
    claim_next: Select[MessageRow]


@cache
def _statements(kind: CaseKind) -> _Statements:
    """Return the statements for cases of a kind."""
    about_case = CASE_TABLES[kind].message == bindparam("case")
    pending = and_(*PENDING)
    is_gathered = func.bool_or(and_(pending, MessageRow.bulk.is_not(None)))
    return _Statements(
        last_of=select(MessageRow.channel, func.max(MessageRow.sequence))
        .where(about_case)
        .group_by(MessageRow.channel),
        mails_of=select(
            func.coalesce(func.max(MessageRow.sequence), 0).label("newest"),
            func.count().filter(pending).label("pending"),
            func.coalesce(is_gathered, false()).label("is_gathered"),
        ).where(about_case, MessageRow.channel == Channel.MAIL.value),
        claim_next=select(MessageRow)
        .where(about_case, MessageRow.channel == bindparam("channel"), *PENDING)
        .order_by(MessageRow.sequence)
        .limit(1)
        .with_for_update(),
    )


def _column_of(case: str) -> InstrumentedAttribute[str | None]:
    """Return the column that names a case of this kind."""
    return CASE_TABLES[CaseRef.parse(case).kind].message

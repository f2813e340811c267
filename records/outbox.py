"""The record of what to tell whom, written in the transaction of what happened, and of what was told."""

from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from domain.marketing import is_marketing_cancellation
from domain.messaging import MarketingServiceFacts, MessageFacts, channels_of
from domain.vocabulary import Channel, Event, message_id
from storage.tables import MessageRow

ALL_ENDPOINTS = "webhook"

_PENDING_OF_RUNS = (MessageRow.run.is_not(None), MessageRow.delivered_at.is_(None), MessageRow.failed_at.is_(None))


def tell(
    session: Session,
    event: Event,
    facts: MessageFacts | MarketingServiceFacts,
    *,
    occasion: str,
    mail_to: str,
    channels: frozenset[Channel],
) -> None:
    """Note that an occasion is to be told, once on each channel that carries the event."""
    for channel in channels_of(event, channels):
        session.execute(
            insert(MessageRow)
            .values(
                id=message_id(facts.cancellation, occasion, channel),
                **{_column_of(facts.cancellation).key: facts.cancellation},
                event=event.value,
                channel=channel.value,
                recipient=mail_to if channel is Channel.MAIL else ALL_ENDPOINTS,
                content=facts.model_dump(mode="json"),
                created_at=facts.occurred_at,
            )
            .on_conflict_do_nothing(index_elements=[MessageRow.id])
        )


def last_of(session: Session, cancellation: str) -> dict[Channel, int]:
    """Return the sequence number of a cancellation's newest message on each channel that has one."""
    rows = session.execute(
        select(MessageRow.channel, func.max(MessageRow.sequence))
        .where(_about(cancellation))
        .group_by(MessageRow.channel)
    )
    return {Channel(channel): sequence for channel, sequence in rows}


def claim_next(session: Session, cancellation: str, channel: Channel) -> MessageRow | None:
    """Return the oldest pending message, held until the transaction ends; None if nothing is pending.

    Whoever else delivers for the same cancellation meanwhile, for instance an attempt that Temporal has given up but
    that still runs, waits here and then finds the message marked.
    """
    return session.scalar(
        select(MessageRow)
        .where(
            _about(cancellation),
            MessageRow.channel == channel.value,
            MessageRow.delivered_at.is_(None),
            MessageRow.failed_at.is_(None),
        )
        .order_by(MessageRow.sequence)
        .limit(1)
        .with_for_update()
    )


def claim_next_of_runs(session: Session) -> MessageRow | None:
    """Return the oldest pending message about an update of line dates, held as `claim_next` holds one."""
    return session.scalar(
        select(MessageRow).where(*_PENDING_OF_RUNS).order_by(MessageRow.sequence).limit(1).with_for_update()
    )


def count_pending_of_runs(session: Session) -> int:
    """Return how many messages about updates of line dates wait to be delivered."""
    return session.scalar(select(func.count()).select_from(MessageRow).where(*_PENDING_OF_RUNS)) or 0


def mark_delivered(session: Session, message: str, at: datetime) -> None:
    """Note that a message was handed over."""
    session.execute(update(MessageRow).where(MessageRow.id == message).values(delivered_at=at))


def mark_failed(session: Session, message: str, at: datetime, failure: str) -> None:
    """Note that a message was given up, and why."""
    session.execute(
        update(MessageRow)
        .where(MessageRow.id == message, MessageRow.delivered_at.is_(None))
        .values(failed_at=at, failure=failure)
    )


def _about(case: str) -> ColumnElement[bool]:
    return _column_of(case) == case


def _column_of(case: str) -> InstrumentedAttribute[str | None]:
    """The column that names the case: of a subscription, or of a marketing service alone."""
    return MessageRow.marketing_cancellation if is_marketing_cancellation(case) else MessageRow.cancellation

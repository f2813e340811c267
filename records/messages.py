"""The messages about the cases of a subscription, as they were recorded, delivered or given up."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.vocabulary import Channel
from storage.tables import CancellationRow, MessageRow


class SentMessage(BaseModel):
    """One message on one channel, without its text and, for mail, without its address. Instants are UTC."""

    model_config = ConfigDict(frozen=True)

    id: str
    """The same on every attempt: the id of a webhook, and the Message-ID of a mail that is no part of a ``letter``."""
    cancellation: str
    event: str
    channel: Channel
    endpoint: str | None
    """The webhook endpoint to which it goes; null for mail, whose address identifies a person."""
    created_at: datetime
    delivered_at: datetime | None
    failed_at: datetime | None
    """The instant at which its delivery was given up."""
    letter: str | None = None
    """The id of the letter about several cases in which it went, if it did: its Message-ID."""

    @property
    def outcome(self) -> str:
        """What has become of it, in words."""
        if self.delivered_at is not None:
            return "delivered in one letter with others" if self.letter else "delivered"
        return "given up" if self.failed_at is not None else "being delivered"

    @classmethod
    def of(cls, row: MessageRow) -> Self:
        """Return what people may see of a row."""
        channel = Channel(row.channel)
        return cls(
            id=row.id,
            cancellation=str(row.cancellation),
            event=row.event,
            channel=channel,
            endpoint=row.recipient if channel is Channel.WEBHOOK else None,
            created_at=row.created_at,
            delivered_at=row.delivered_at,
            failed_at=row.failed_at,
            letter=row.letter if row.letter != row.id else None,
        )


def messages_of(session: Session, subscription: str, *, limit: int) -> list[SentMessage]:
    """Return the newest messages about a subscription's cancellations and those of its lines, newest first."""
    of_subscription = select(CancellationRow.id).where(CancellationRow.subscription == subscription)
    query = select(MessageRow).where(MessageRow.cancellation.in_(of_subscription))
    return [SentMessage.of(row) for row in session.scalars(query.order_by(MessageRow.sequence.desc()).limit(limit))]

"""Writing to the outbox and reading from it, through the storage that the service uses."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from domain.messaging import MessageFacts
from domain.vocabulary import Channel, Event
from records import outbox
from records.addressees import Addressee
from records.transaction import Transaction
from storage.tables import AuditRow, MessageRow
from tests.activities.messaging.samples import ADDRESS

EVERY_CHANNEL = frozenset(Channel)


def told(
    engine: Engine,
    event: Event,
    facts: MessageFacts,
    *,
    occasion: str | None = None,
    to: str = ADDRESS,
    addressee: Addressee | None = None,
) -> None:
    with Transaction.begin(engine, EVERY_CHANNEL) as transaction:
        outbox.add(transaction, event, facts, occasion=occasion or event.value, mail_to=to, addressee=addressee)


def messages(engine: Engine, channel: Channel) -> list[MessageRow]:
    with Session(engine) as session:
        rows = select(MessageRow).where(MessageRow.channel == channel.value).order_by(MessageRow.sequence)
        return list(session.scalars(rows))


def failures(engine: Engine) -> list[AuditRow]:
    with Session(engine) as session:
        return list(session.scalars(select(AuditRow).where(AuditRow.action == "message.failed").order_by(AuditRow.id)))


def unmark(engine: Engine, message: str) -> None:
    """Put a delivered message back, as a crash between its acceptance and the mark would have left it."""
    with Session(engine) as session, session.begin():
        row = session.get_one(MessageRow, message)
        row.delivered_at = None


def put_off_for(engine: Engine, time: timedelta) -> None:
    """Have what was put off been put off for the first time so long ago."""
    with Session(engine) as session, session.begin():
        put_off = update(MessageRow).where(MessageRow.put_off_since.is_not(None))
        session.execute(put_off.values(put_off_since=datetime.now(UTC) - time))

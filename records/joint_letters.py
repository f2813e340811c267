"""Letters about several cases: what an organization that is cancelled as a whole is told goes in one mail, not in one for each case.

Each case records its own mail, as ever, and its own workflow has it delivered. Mails of one event wait a little for those of the
other cases; then one delivery fixes which of them go together, commits that, and sends them. A crash in between repeats the same letter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from domain.bulk import OPEN_ROWS, BulkState
from domain.joint_letters import MOST_IN_A_LETTER, WAITS_AT_MOST
from domain.vocabulary import Channel, Event
from records import outbox
from records.transaction import Transaction
from storage.tables import BulkItemRow, BulkRow, MessageRow

_MOMENT = timedelta(seconds=10)
"""The pause while another delivery of the same bulk is at work, which sends for all of them."""


@dataclass(frozen=True)
class Claim:
    """The next mails of a case: one, or those of a letter about several cases, locked until the transaction ends."""

    messages: Sequence[MessageRow] = ()
    """Empty if nothing is pending, or if it has to wait, or if it is to be claimed again."""
    wait: timedelta | None = None
    """The time after which there may be more to deliver, where mails wait for those of other cases."""
    is_repeated: bool = False
    """True if it is to be claimed again, in another transaction: a letter was fixed, or a mail has come that is gathered."""


def claim_next(transaction: Transaction, cancellation: str, *, is_gathered: bool, quiet: timedelta) -> Claim:
    """Claim the oldest pending mail of a case with those that go in the same letter.

    ``is_gathered`` says that some of them are gathered with those of other cases (`records.outbox.MailsOfCase`).

    A letter is complete when for the time of ``quiet`` no other case has had something to add, and no case is still to be opened;
    it waits `WAITS_AT_MOST`.
    """
    session = transaction.session
    head = _head(session, cancellation) if is_gathered else None
    if head is None or head.bulk is None:
        message = outbox.claim_next(transaction, cancellation, Channel.MAIL)
        if message is not None and message.bulk is not None:
            return Claim(is_repeated=True)
        return Claim([message] if message is not None else [])
    # Never waited for: each of some hundred deliveries would keep a connection, and the one at work sends for all of them.
    if not session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(f"letters of {head.bulk}", 0)))):
        return Claim(wait=_MOMENT)
    session.expire(head)
    head = _head(session, cancellation)
    if head is None:
        return Claim()
    if head.letter is not None:
        return Claim(_locked(session, MessageRow.letter == head.letter))
    earlier = aliased(MessageRow)
    is_first_of_its_case = (
        ~select(earlier)
        .where(
            earlier.cancellation == MessageRow.cancellation,
            earlier.channel == Channel.MAIL.value,
            earlier.delivered_at.is_(None),
            earlier.failed_at.is_(None),
            earlier.sequence < MessageRow.sequence,
        )
        .exists()
    )
    together = _locked(
        session,
        MessageRow.bulk == head.bulk,
        MessageRow.event == head.event,
        MessageRow.letter.is_(None),
        MessageRow.content["stage"].astext == head.content["stage"],
        is_first_of_its_case,
    )
    if len(together) < MOST_IN_A_LETTER and (wait := _wait(session, head, together, quiet)) > timedelta(0):
        return Claim(wait=wait)
    letter = together[0].id if len(together) == 1 else f"{head.bulk}/{head.event}/{together[0].sequence}"
    for message in together[:MOST_IN_A_LETTER]:
        message.letter = letter
    session.flush()
    return Claim(is_repeated=True)


def letter_of(session: Session, message: str) -> str:
    """Return the id of the mail in which a message went: its own, or that of a letter about several cases."""
    return session.scalar(select(MessageRow.letter).where(MessageRow.id == message)) or message


def _head(session: Session, cancellation: str) -> MessageRow | None:
    """Return the oldest pending mail of a case, without a lock."""
    return session.scalar(
        select(MessageRow)
        .where(outbox.about(cancellation), MessageRow.channel == Channel.MAIL.value, *outbox.PENDING)
        .order_by(MessageRow.sequence)
        .limit(1)
    )


def _locked(session: Session, *conditions: ColumnElement[bool]) -> Sequence[MessageRow]:
    return session.scalars(
        select(MessageRow)
        .where(*conditions, *outbox.PENDING)
        .order_by(MessageRow.sequence)
        .limit(MOST_IN_A_LETTER)
        .with_for_update()
    ).all()


def _wait(session: Session, head: MessageRow, together: Sequence[MessageRow], quiet: timedelta) -> timedelta:
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    waiting_since = [message.gathered_at for message in together if message.gathered_at is not None]
    at_most = min(waiting_since) + WAITS_AT_MOST
    is_being_opened = head.event == Event.RECEIVED and session.scalar(
        select(
            select(BulkItemRow)
            .join(BulkRow, BulkRow.id == BulkItemRow.bulk)
            .where(
                BulkRow.id == head.bulk,
                BulkRow.state == BulkState.RUNNING.value,
                BulkItemRow.state.in_([state.value for state in OPEN_ROWS]),
            )
            .exists()
        )
    )
    if is_being_opened:
        return min(at_most - now, max(quiet, _MOMENT))
    return min(at_most, max(waiting_since) + quiet) - now

"""What happens to cases, as it enters the audit trail: for whoever watches a list, or one case.

Entries come in any order of their numbers: a transaction that takes long may add one after others with higher numbers were read.
So a look begins after the last entry below which nothing more can come, and has some that the look before had, too.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ARRAY, BigInteger, all_, cast, func, select
from sqlalchemy.orm import Session

from records import audit
from records.snapshots import writers
from storage.tables import AuditRow, SubscriptionRow

LARGEST_TRANSACTION = 100_000
"""The number of entries that come between the first and the last of one transaction, its own and those of others."""


class CaseEvent(BaseModel):
    """Something that happened to a case; nothing of what people wrote. ``at`` is UTC."""

    model_config = ConfigDict(frozen=True)

    entry: int
    """The number of its entry in the audit trail, by which a repetition is recognized."""
    at: datetime
    action: str
    actor: str
    organization: str | None
    subscription: str | None
    subscription_line: str | None
    cancellation: str


@dataclass(frozen=True)
class Look:
    """What one look at the trail found."""

    events: list[CaseEvent]
    oldest_running: int
    """The oldest transaction that wrote to the trail and had not ended before the look."""
    beyond_running: int
    """A number above those of the transactions that wrote to it after the look."""
    newest: int
    """The highest number that it has seen: nothing that was there up to it is missing."""


def look(session: Session, after: int, *, known: Collection[int], most: int) -> Look:
    """Return the events after the entry with a number, but those that are known, in the order of their numbers."""
    oldest_running = writers(session).oldest
    newest = newest_entry(session)
    events = case_events(session, after, until=newest, known=known, most=most)
    if len(events) == most:
        newest = events[-1].entry
    return Look(events, oldest_running, writers(session).beyond, newest)


def newest_entry(session: Session) -> int:
    """Return the highest number in the trail."""
    return session.scalar(select(func.max(AuditRow.id))) or 0


@dataclass(frozen=True)
class Beginning:
    """Where looks begin that are to find what comes from now on."""

    settled: int
    """The entry below which nothing more comes."""
    known: list[int]
    """The events after it that are there already."""


def beginning(session: Session) -> Beginning:
    """Return where looks begin that are to find what comes from now on, also from transactions that have begun already."""
    settled = newest_entry(session)
    if writers(session).beyond:
        settled -= LARGEST_TRANSACTION
    later = select(AuditRow.id).where(AuditRow.id > settled, AuditRow.cancellation.is_not(None))
    return Beginning(max(settled, 0), list(session.scalars(later)))


def case_events(
    session: Session,
    after: int,
    *,
    until: int | None = None,
    known: Collection[int] = (),
    subscription: str | None = None,
    cancellation: str | None = None,
    organizations: Collection[str] | None = None,
    most: int,
) -> list[CaseEvent]:
    """Return the events of cases after the entry with a number that meet every condition that is set; ``known`` are left out."""
    row = AuditRow
    organization = func.coalesce(SubscriptionRow.organization, func.split_part(row.cancellation, "/", 1))
    query = (
        select(
            row.id.label("entry"),
            *(row.at, row.action, row.actor, row.subscription, row.subscription_line, row.cancellation),
            organization.label("organization"),
        )
        .outerjoin(SubscriptionRow, SubscriptionRow.id == row.subscription)
        .where(row.id > after, row.cancellation.is_not(None))
        .order_by(row.id)
        .limit(most)
    )
    if until is not None:
        query = query.where(row.id <= until)
    if known:
        query = query.where(row.id != all_(cast(list(known), ARRAY(BigInteger))))
    if subscription is not None:
        query = query.where(audit.about_subscription(subscription, after=after))
    if cancellation is not None:
        query = query.where(row.cancellation == cancellation)
    if organizations is not None:
        query = query.where(organization.in_(sorted(organizations)))
    return [CaseEvent.model_validate(dict(found)) for found in session.execute(query).mappings()]

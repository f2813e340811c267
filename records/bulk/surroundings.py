"""What rows are judged by, read for many of them at once: ten thousand rows are a few queries for each hundred."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, undefer

from domain.cancellation.checklist import CaseFacts
from domain.civil_dates import plus_days
from domain.civil_time import day_of, start_of_day
from domain.lines.past import RecordedChange
from domain.lines.quote import Invoice
from records.cancellation.admission import Applicant, applicants_of
from records.cancellation.answers import facts_about
from records.cancellation.quotes import KnownLines
from records.lines.past import changes_of
from records.lines.rows import uncredited_invoices
from storage.tables import (
    IS_WHOLE,
    BillingDocumentRow,
    CancellationRow,
    MarketingServiceRow,
    OrganizationRow,
    SubscriptionLineRow,
    SubscriptionRow,
)


@dataclass(frozen=True)
class Surroundings:
    """The subscriptions of some rows with all that they are judged by."""

    at: datetime
    """The instant of the receipt, for whose day in each zone the changes of the lines are known."""
    subscriptions: Mapping[str, SubscriptionRow]
    applicants: Mapping[str, Applicant]
    newest: Mapping[str, CancellationRow]
    lines: Mapping[str, Sequence[SubscriptionLineRow]]
    changes: Mapping[str, Sequence[RecordedChange]]
    invoices: Mapping[str, Sequence[Invoice]]
    """By line."""
    with_marketing: frozenset[str]
    """The organizations that have a marketing service."""

    @classmethod
    def of(cls, session: Session, named: Iterable[str], *, at: datetime) -> "Surroundings":
        """Read those of some subscriptions; one that does not exist is none of them."""
        asked = select(SubscriptionRow).where(SubscriptionRow.id.in_(list(named)))
        subscriptions = {row.id: row for row in session.scalars(asked)}
        applicants = applicants_of(session, {row.organization for row in subscriptions.values()})
        newest = session.scalars(
            select(CancellationRow)
            .where(CancellationRow.subscription.in_(subscriptions), IS_WHOLE)
            .order_by(CancellationRow.subscription, CancellationRow.ordinal.desc())
            .ext(distinct_on(CancellationRow.subscription))
        )
        lines: dict[str, list[SubscriptionLineRow]] = defaultdict(list)
        of_subscriptions = SubscriptionLineRow.subscription.in_(subscriptions)
        rows = select(SubscriptionLineRow).options(undefer(SubscriptionLineRow.known_since)).where(of_subscriptions)
        for line in session.scalars(rows.order_by(SubscriptionLineRow.id)):
            lines[line.subscription].append(line)
        return cls(
            at,
            subscriptions,
            applicants,
            {case.subscription: case for case in newest},
            lines,
            _changes(session, subscriptions, applicants, lines, at),
            _invoices(session, [line.id for several in lines.values() for line in several if line.next_billing_date]),
            _with_marketing(session, applicants),
        )

    def facts(self, subscription: SubscriptionRow, organization: OrganizationRow) -> CaseFacts:
        """Return the facts against which answers are checked."""
        ends = [end for line in self._open(subscription) for end in (line.term_until, line.end_date) if end is not None]
        has_marketing = organization.id in self.with_marketing
        return facts_about(organization, max(ends, default=None), has_marketing_service=has_marketing)

    def open_lines(self, subscription: SubscriptionRow) -> int:
        """Return the number of lines that are not closed."""
        return len(self._open(subscription))

    def known_lines(self, subscription: SubscriptionRow, zone: str, received_on: date) -> KnownLines | None:
        """Return the lines for a quote; None for another day of receipt than the one that they were read for."""
        if received_on != day_of(self.at, zone):
            return None
        rows = self.lines.get(subscription.id, ())
        invoices = [invoice for row in rows for invoice in self.invoices.get(row.id, ())]
        return KnownLines(rows, self.changes, invoices)

    def _open(self, subscription: SubscriptionRow) -> list[SubscriptionLineRow]:
        return [line for line in self.lines.get(subscription.id, ()) if not line.closed]


def _changes(
    session: Session,
    subscriptions: Mapping[str, SubscriptionRow],
    applicants: Mapping[str, Applicant],
    lines: Mapping[str, Sequence[SubscriptionLineRow]],
    at: datetime,
) -> Mapping[str, Sequence[RecordedChange]]:
    """Return the recorded changes of the lines, by the end of the day of receipt in their zone, of which there are few."""
    by_end: dict[datetime, list[str]] = defaultdict(list)
    for subscription, of_it in lines.items():
        zone = applicants[subscriptions[subscription].organization].organization.time_zone
        end = start_of_day(plus_days(day_of(at, zone), 1), zone)
        by_end[end] += [line.id for line in of_it if not line.closed]
    found: dict[str, Sequence[RecordedChange]] = {}
    for end, ids in by_end.items():
        found |= changes_of(session, ids, end)
    return found


def _invoices(session: Session, lines: Sequence[str]) -> Mapping[str, Sequence[Invoice]]:
    by_line: dict[str, list[Invoice]] = defaultdict(list)
    if lines:
        for invoice in uncredited_invoices(session, BillingDocumentRow.subscription_line.in_(lines)):
            by_line[invoice.line].append(invoice)
    return by_line


def _with_marketing(session: Session, applicants: Mapping[str, Applicant]) -> frozenset[str]:
    is_there = MarketingServiceRow.canceled_sign_up.is_distinct_from(MarketingServiceRow.sign_up)
    query = select(MarketingServiceRow.organization).where(MarketingServiceRow.organization.in_(applicants), is_there)
    return frozenset(session.scalars(query))

"""The reopening of a line in the records: once per request, with what it was before in the audit trail."""

from datetime import datetime

from domain.cancellation.single_lines import LineUnknown
from domain.civil_time import day_of
from domain.lines.line import SubscriptionLine
from domain.lines.reopening import LineEndSetByCase, LineOfEndedSubscription, reopened
from records import audit
from records.lines.rows import DATE_FIELDS, as_domain, dates_of
from records.transaction import Transaction
from storage.tables import OrganizationRow, SubscriptionLineRow, SubscriptionRow

LINE_REOPENED = "line.reopened"


def reopen_line(
    transaction: Transaction, line: str, *, actor: str, why: str, at: datetime, request: str | None = None
) -> SubscriptionLine:
    """Take the end date of a line away, and return the line; a repeated request changes nothing.

    Raises:
        LineUnknown, LineEndSetByCase, LineOfEndedSubscription, and what `domain.lines.reopening.reopened` raises.

    """
    session = transaction.session
    found = session.get(SubscriptionLineRow, line)
    if found is None:
        raise LineUnknown(line)
    subscription = session.get_one(SubscriptionRow, found.subscription, with_for_update=True)
    row = session.get_one(SubscriptionLineRow, line, with_for_update=True, populate_existing=True)
    step = None if request is None else f"{line}:reopened:{request}"
    if step is not None and audit.after_of(session, step) is not None:
        return as_domain(row)
    if row.frozen_by is not None:
        raise LineEndSetByCase(line, row.frozen_by)
    if subscription.access_ended_on is not None:
        raise LineOfEndedSubscription(line, subscription.id, subscription.access_ended_on)
    zone = session.get_one(OrganizationRow, subscription.organization).time_zone
    now, before = reopened(as_domain(row), day_of(at, zone)), dates_of(row)
    for name in DATE_FIELDS:
        setattr(row, name, getattr(now, name))
    session.flush()
    audit.record(
        transaction,
        LINE_REOPENED,
        actor=actor,
        at=at,
        step=step,
        why=why,
        subscription=row.subscription,
        subscription_line=line,
        before=before,
        after=dates_of(row),
    )
    return now

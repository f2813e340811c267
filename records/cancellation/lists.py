"""The history, the quote and the status of cancellations, read from PostgreSQL."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from contract import CancellationStatus, LineCancellationStatus, Proposal, ReversibleStatus
from domain.cancellation.lifecycle import CancellationUnknown, SubscriptionUnknown
from domain.cancellation.open_billing import awaited_credit_memos, billing_in_words
from domain.cancellation.single_lines import LineNeverCancelled
from domain.civil_time import day_of
from domain.lines.quote import Quote
from domain.marketing import Consent
from domain.vocabulary import WAITS_FOR_OPERATOR, CampaignChoice, Stage, Termination
from records import audit
from records.cancellation.case_list import CaseSummary, case_summary
from records.cancellation.locked_case import newest_case, newest_line_case
from records.cancellation.open_lines import SETTLED_STAGES, open_lines
from records.cancellation.quotes import (
    awaits_approval,
    proposed_quote,
    quote_subscription,
    shown_quote,
)
from records.cancellation.single_lines import subscription_of
from records.cancellation.system_tasks import open_tasks
from records.cancellation.version import version_of
from records.cancellation.zones import zone_of
from records.erasure import certificate_of
from records.export import export_of, export_status
from records.marketing.stops import stop_of
from storage.tables import CancellationRow, OrganizationRow, SubscriptionLineRow, SubscriptionRow

MOST_ENTRIES = 500
"""The largest number of entries of one page of an audit trail."""


class CaseHistory(BaseModel):
    """A page of the audit trail of a subscription, oldest entry first."""

    model_config = ConfigDict(frozen=True)

    subscription: str
    time_zone: str
    """The organization's time zone, in which people read the instants; these are UTC."""
    entries: tuple[audit.AuditEntry, ...]
    next: int | None = None
    """Ask for those after it (``after``) for more; null on the last page."""


def line_quote_of(session: Session, line: str, **wish: Any) -> Quote:
    """Return the quote of cancelling one line alone, with the arguments of `quote_of`. Raises LineUnknown, too."""
    return quote_of(session, subscription_of(session, line), line=line, **wish)


def line_zone(session: Session, line: str) -> str:
    """Return the zone of the newest case of a line, or else of its organization; UTC, if the line is unknown."""
    newest = newest_line_case(session, line)
    if newest is not None:
        return zone_of(session, newest)
    subscription = session.scalar(select(SubscriptionLineRow.subscription).where(SubscriptionLineRow.id == line))
    return organization_zone(session, subscription or "")


def time_zone_of(session: Session, subscription: str) -> str:
    """Return the zone of a subscription's newest case, or else of its organization; UTC, if the subscription is unknown."""
    newest = newest_case(session, subscription)
    return organization_zone(session, subscription) if newest is None else zone_of(session, newest)


def organization_zone(session: Session, subscription: str) -> str:
    """Return the zone of a subscription's organization as it is now; UTC, if the subscription is unknown."""
    found = session.scalar(
        select(OrganizationRow.time_zone)
        .join(SubscriptionRow, SubscriptionRow.organization == OrganizationRow.id)
        .where(SubscriptionRow.id == subscription)
    )
    return found or "UTC"


def history_of(session: Session, subscription: str, *, after: int = 0, limit: int = MOST_ENTRIES) -> CaseHistory:
    """Return a page of the audit trail of a subscription, oldest entry first; ``after`` is the ``next`` of the page before.

    Raises:
        CancellationUnknown: the subscription has no entry.

    """
    entries, following = audit.trail_of(session, subscription, after=after, most=limit)
    if not entries and not after:
        raise CancellationUnknown(subscription)
    zone = time_zone_of(session, subscription)
    return CaseHistory(subscription=subscription, time_zone=zone, entries=tuple(entries), next=following)


def quote_of(
    session: Session,
    subscription: str,
    *,
    line: str | None = None,
    received_on: date | None,
    now: datetime,
    wished_on: date | None,
    termination: Termination = Termination.ON_DATE,
    goodwill: bool = False,
) -> Quote:
    """Return the quote of cancelling a subscription, or one line of it (rules, section 7); received now, unless a day is given.

    Days are civil days in the zone of its organization.

    Raises:
        SubscriptionUnknown, LineUnknownOnDay.

    """
    row = session.get(SubscriptionRow, subscription)
    if row is None:
        raise SubscriptionUnknown(subscription)
    zone = session.get_one(OrganizationRow, row.organization).time_zone
    found = quote_subscription(
        session,
        subscription,
        received_on=received_on or day_of(now, zone),
        zone=zone,
        wished_on=wished_on,
        termination=termination,
        goodwill=goodwill,
        line=line,
    )
    return found.model_copy(update={"ended_on": row.access_ended_on})


def version_of_case(session: Session, cancellation: str) -> str:
    """Return the version of a case, which a correction may expect."""
    return version_of(session, session.get_one(CancellationRow, cancellation))


def present_quotes(session: Session, cancellation: str) -> tuple[Quote | None, Proposal | None]:
    """Return the quote of a case as it is to be shown, and what its goodwill would do, if that is to be approved."""
    row = session.get_one(CancellationRow, cancellation)
    quote = shown_quote(session, row)
    proposal = None
    if awaits_approval(row) and Stage(row.stage).phase == 0:
        proposed = proposed_quote(session, row)
        proposal = Proposal(digest=proposed.digest, quote=proposed.without_explanations())
    return quote and quote.without_explanations(), proposal


def earlier_status(session: Session, workflow_id: str, cancellation: str) -> ReversibleStatus:
    """Return the recorded status of a cancellation that a workflow has run before its newest one. Raises CancellationUnknown."""
    row = session.get(CancellationRow, cancellation)
    if row is None or row.workflow_id != workflow_id:
        raise CancellationUnknown(cancellation)
    return status_of_case(session, cancellation)


def newest_cancellation(session: Session, subscription: str) -> str:
    """Return the id of the newest cancellation of a subscription, running or ended. Raises CancellationUnknown."""
    case = newest_case(session, subscription)
    if case is None:
        raise CancellationUnknown(subscription)
    return case.id


def recorded_status(session: Session, subscription: str) -> CancellationStatus:
    """Return the status of the newest cancellation from the records. Raises CancellationUnknown."""
    status = status_of_case(session, newest_cancellation(session, subscription))
    assert isinstance(status, CancellationStatus)  # noqa: S101 - that of a whole subscription
    return status


def recorded_line_status(session: Session, line: str) -> LineCancellationStatus:
    """Return the status of the newest cancellation of a line alone from the records. Raises LineNeverCancelled."""
    case = newest_line_case(session, line)
    if case is None:
        raise LineNeverCancelled(line)
    status = status_of_case(session, case.id)
    assert isinstance(status, LineCancellationStatus)  # noqa: S101 - that of a line
    return status


def status_of_case(session: Session, cancellation: str) -> CancellationStatus | LineCancellationStatus:
    """Return the status of a cancellation, the newest or an earlier one, from the records."""
    case = case_summary(session, cancellation)
    row = session.get_one(CancellationRow, case.cancellation)
    billing = open_lines(session, row.id) if case.stage in SETTLED_STAGES else ()
    shared = {
        name: getattr(case, name) for name in ReversibleStatus.model_fields.keys() & CaseSummary.model_fields.keys()
    }
    shared |= {
        "waiting_for": billing_in_words(billing) if case.stage.is_final else WAITS_FOR_OPERATOR,
        "quote": case.quote.without_explanations() if case.quote else None,
        "outstanding_credit_memos": awaited_credit_memos(billing),
        "open_billing": billing,
    }
    if row.subscription_line is not None:
        return LineCancellationStatus(subscription_line=row.subscription_line, line_ends_on=row.line_ends_on, **shared)
    stop = stop_of(session, row.id) if row.campaigns == CampaignChoice.STOP else None
    export, certificate = export_of(session, row.id), certificate_of(session, row.id)
    return CancellationStatus(
        access_ended_on=case.access_ended_on,
        marketing_consent=Consent(row.marketing_consent) if row.marketing_consent else None,
        campaigns_stopped=stop.requested if stop else None,
        campaigns_outstanding=stop.outstanding if stop else (),
        ads_may_still_run=bool(stop and stop.outstanding),
        system_tasks=open_tasks(session, row.id),
        export=export_status(export) if export else None,
        erased_at=certificate.finished_at if certificate else None,
        **shared,
    )

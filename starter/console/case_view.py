"""One case as its page shows it, read from the facade."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import quote

import contract
from domain.cancellation.lifecycle import CancellationUnknown
from domain.cases import CaseKind, CaseRef
from domain.civil_time import day_of
from domain.lines.quote import Quote
from domain.lines.runs import Scope
from domain.migration import MigrationUnknown
from domain.permissions import Operation, SubjectKind
from domain.principals import Principal
from records.audit import AuditEntry
from records.legal_holds import Hold
from records.messages import SentMessage
from records.migration.lists import MigrationSummary
from starter.console.actions.cases import Status
from starter.console.callers import permit
from starter.console.diagrams import TermDiagram, term_diagram
from starter.service import Offramp

Found = TypeVar("Found")

MOST_LINES = 50
"""The number of lines that a case is drawn with."""
MOST_ENTRIES = 500
"""The number of entries of the audit trail on a page, the newest of them; the history has them all."""


WORKFLOW_IDS: Mapping[CaseKind, Callable[[str], str]] = {
    CaseKind.SUBSCRIPTION: contract.cancellation_workflow_id,
    CaseKind.SUBSCRIPTION_LINE: contract.line_cancellation_workflow_id,
    CaseKind.MARKETING_SERVICE: contract.marketing_workflow_id,
}
"""The workflow id of a kind of case, by its subject."""


@dataclass(frozen=True)
class DaysLeft:
    """The time until the stage of a case ends by itself, in days."""

    left: float
    total: float
    words: str


@dataclass(frozen=True)
class CaseView:
    """A case with everything that its page shows."""

    ref: CaseRef
    status: Status
    quote: Quote | None
    """What the case means for its lines, with the steps to it where the record has them."""
    trail: Sequence[AuditEntry]
    """Of the whole subscription, the newest `MOST_ENTRIES`, the oldest of them first."""
    entries: int
    """The number of all of them."""
    timeline: Sequence[AuditEntry]
    """Those of the case itself, likewise."""
    diagrams: Sequence[TermDiagram]
    has_more_lines: bool
    messages: Sequence[SentMessage]
    migration: MigrationSummary | None
    holds: Sequence[Hold]
    days_left: DaysLeft | None


async def case_view(service: Offramp, person: Principal, ref: CaseRef) -> CaseView:
    """Return a case, for a person who may see it.

    Raises:
        CancellationUnknown, LineNeverCancelled, RoleMissing, OrganizationNotPermitted.

    """
    is_line = ref.kind is CaseKind.SUBSCRIPTION_LINE
    subscription = ref.subscription
    if subscription is None:  # it has a status of another kind
        raise CancellationUnknown(ref.subject)
    shown = Operation.SHOW_LINE_CANCELLATION if is_line else Operation.SHOW_CANCELLATION
    of = (SubjectKind.LINE if is_line else SubjectKind.SUBSCRIPTION, ref.subject)
    reads = (Operation.SHOW_HISTORY, Operation.LIST_MESSAGES, Operation.LIST_LINES, Operation.GET_MIGRATION)
    await permit(service, person, of, shown, *reads, Operation.LIST_HOLDS, Operation.LIST_CANCELLATIONS)
    status = await _status(service, ref)
    if status.subscription != subscription:
        raise CancellationUnknown(subscription)
    listed, history, lines, messages, migration, holds = await asyncio.gather(
        service.cancellations.list(cancellations=[ref.id], organizations=person.organizations, counted=False),
        service.cancellations.history(subscription),
        service.line_dates.list(
            Scope(subscription=subscription), line=ref.subject if is_line else None, limit=MOST_LINES + 1
        ),
        service.cancellations.messages(subscription),
        _unless_unknown(service.migrations.get(ref.id)),
        service.holds.list(organization=status.organization),
    )
    timeline = [entry for entry in history.entries if entry.cancellation == ref.id]
    summary = next((one for one in listed.cancellations if one.cancellation == ref.id), None)
    quoted = _explained(summary.quote if summary else None, status.quote)
    decisions = {line.decision.line_id: line.decision for line in quoted.lines} if quoted else {}
    today = day_of(datetime.now(UTC), status.time_zone)
    access = None if is_line else getattr(status, "access_ended_on", None) or status.termination_date
    return CaseView(
        ref=ref,
        status=status,
        quote=quoted,
        trail=history.entries[-MOST_ENTRIES:],
        entries=len(history.entries),
        timeline=[entry for entry in timeline if entry.line is None or is_line][-MOST_ENTRIES:],
        diagrams=[
            term_diagram(line, today=today, decision=decisions.get(line.id), access_ends_on=access)
            for line in lines[:MOST_LINES]
        ],
        has_more_lines=len(lines) > MOST_LINES,
        messages=[message for message in messages if message.cancellation == ref.id],
        migration=migration,
        holds=holds,
        days_left=_days_left(status, timeline),
    )


def _explained(recorded: Quote | None, live: Quote | None) -> Quote | None:
    """Return what the record says, which has its steps, unless the workflow knows better."""
    return recorded if recorded is not None and (live is None or live.digest == recorded.digest) else live


async def _status(service: Offramp, ref: CaseRef) -> Status:
    if ref.kind is CaseKind.SUBSCRIPTION_LINE:
        return await service.line_cancellations.status(ref.subject, cancellation=ref.id)
    return await service.cancellations.status(ref.subject, cancellation=ref.id)


async def _unless_unknown(asked: Awaitable[Found]) -> Found | None:
    try:
        return await asked
    except MigrationUnknown:
        return None


def _days_left(status: Status, timeline: Sequence[AuditEntry]) -> DaysLeft | None:
    """Return how much is left of the present stage, which began with the last move into a stage."""
    if status.stage_deadline is None or status.stage.is_final:
        return None
    moves = [entry.at for entry in timeline if entry.action.endswith((".opened", f".{status.stage.value}"))]
    since = moves[-1] if moves else status.received_at
    left, total = status.stage_deadline - datetime.now(UTC), status.stage_deadline - since
    return days_left(left, total)


def days_left(left: timedelta, total: timedelta) -> DaysLeft:
    """Return what is left of a time, in days and words."""
    day = timedelta(days=1)
    of = max(round(total / day), 1)
    if left <= timedelta(0):
        return DaysLeft(0, of, "overdue")
    if left < day:
        hours = max(int(left / timedelta(hours=1)), 0)
        words = f"{hours} hours left" if hours != 1 else "1 hour left"
    else:
        days = int(left / day)
        words = f"{days} {'day' if days == 1 else 'days'} left of {of}"
    return DaysLeft(min(round(left / day, 2), of), of, words)


def workflow_url(ui: str | None, namespace: str, ref: CaseRef) -> str | None:
    """Return the address of a case's workflow in the Temporal Web UI; None where nobody knows one."""
    if ui is None:
        return None
    return (
        f"{ui}/namespaces/{quote(namespace, safe='')}/workflows/{quote(WORKFLOW_IDS[ref.kind](ref.subject), safe='')}"
    )

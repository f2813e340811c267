"""The list of cancellations: filtered, page by page, with their number at each stage."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from domain.cancellation.waiting import Awaited
from domain.civil_time import start_of_day
from domain.lines.quote import Quote
from domain.refusals import Refusal
from domain.remedies import correct_input
from domain.vocabulary import CaseId, Identifier, ReceiptChannel, Stage, Termination
from records.cancellation.case_search import NEWEST_FIRST, SearchedText, beyond, has_text, newest_with_text
from records.cancellation.quotes import shown_quote, termination_of
from records.cancellation.system_tasks import OPEN as OPEN_TASK
from records.cancellation.waiting import IS_BILLING_OPEN, NEXT_EVENT, waits_for
from storage.tables import CancellationRow, OrganizationRow, SubscriptionRow, SystemTaskRow


class CaseSummary(BaseModel):
    """One cancellation in a list."""

    model_config = ConfigDict(frozen=True)

    cancellation: str
    subscription: str
    subscription_line: str | None
    """The line that ends alone; null where the whole subscription is cancelled."""
    organization: str
    time_zone: str
    stage: Stage
    reason_code: str | None
    waits_for: tuple[Awaited, ...]
    """What it waits for, by the record: its next event, and what billing has to do beside it."""
    received_at: datetime
    channel: ReceiptChannel | None
    termination: Termination | None
    """The way in which the end of access is asked for; null until it is."""
    termination_date: date | None
    """The last day of access, or the wished one of a line; the day of receipt where access is to end at once."""
    line_ends_on: date | None
    """The last day of the line that ends alone, as decided."""
    access_ended_on: date | None
    reversal_deadline: datetime | None
    stage_deadline: datetime | None
    """The instant at which its stage ends by itself, by the record; null where somebody must act."""
    ended_at: datetime | None
    verified: bool
    request_id: str
    """The id of the request that opened it; where it had none, the first run of its workflow."""
    quote: Quote | None


class CaseFilter(BaseModel):
    """The cancellations that a list is to have: all that meet every condition that is set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cancellations: frozenset[CaseId] | None = None
    """These alone; None for all."""
    stages: frozenset[Stage] = frozenset()
    """The stages, any of them; all, if empty."""
    organization: Identifier | None = None
    organizations: frozenset[Identifier] | None = None
    """Those of which whoever asks may see something; None for all."""
    reason_code: Identifier | None = None
    received_from: date | None = None
    """The first day of receipt, in the zone of each organization."""
    received_until: date | None = None
    """The last day of receipt."""
    deadline_until: AwareDatetime | None = None
    """The latest instant at which the stage ends by itself; a case whose stage does not is not among them."""
    waits_for: Awaited | None = None
    open_system_tasks: bool = False
    """True for those alone in which a registered system has not confirmed what it was asked for."""
    text: SearchedText | None = None
    """A part of the id of the cancellation, the subscription or the organization, of the subscription's description or the
    organization's unique name, in any case, and of less than three letters the beginning of one of them; no addresses and no
    reasons, which identify people."""


class CasePage(BaseModel):
    """A part of a list of cancellations."""

    model_config = ConfigDict(frozen=True)

    cancellations: tuple[CaseSummary, ...]
    next: str | None
    """The cursor of the next page; null on the last one."""
    counts: dict[Stage, int] | None = None
    """The number of cancellations on all pages of the list, by stage; null where it was not asked for, because it takes as long as
    there are many."""


class CursorUnknown(Refusal):
    """A cursor that no list of cancellations has given."""

    code = "cursor_unknown"

    def __init__(self, cursor: str) -> None:
        super().__init__(
            f"{cursor!r} is not the end of a page of cancellations.",
            remedy=correct_input("Give the `next` of the page before, or none for the first page."),
            cursor=cursor,
        )


def list_cases(
    session: Session,
    wanted: CaseFilter | None = None,
    *,
    after: str | None = None,
    limit: int = 100,
    counted: bool = True,
) -> CasePage:
    """Return a page of cancellations, the last received first.

    Args:
        session: the session that reads them.
        wanted: the cancellations to list; all, if not set.
        after: the ``next`` of the page before, which is the id of its last cancellation. What is received between two pages
            moves nothing from one to the other.
        limit: the largest number of cancellations on the page.
        counted: true to count those on all pages, too.

    Raises:
        CursorUnknown.

    """
    wanted = wanted or CaseFilter()
    conditions = _conditions(wanted)
    on_page = list(conditions)
    if after is not None:
        last = session.scalar(_cases().where(CancellationRow.id == after, *_visible(wanted)))
        if last is None:
            raise CursorUnknown(after)
        on_page.append(beyond(last.received_at, last.id))
    page = _page(session, wanted.text, on_page, limit + 1)
    shown = {row[0].id: row for row in session.execute(_cases().where(CancellationRow.id.in_(page)))}
    found = [_summary(session, *shown[one]) for one in page]
    return CasePage(
        cancellations=tuple(found[:limit]),
        next=found[limit - 1].cancellation if len(found) > limit else None,
        counts=_counts(session, wanted.text, conditions) if counted else None,
    )


def _page(session: Session, text: str | None, conditions: Sequence[ColumnElement[bool]], limit: int) -> list[str]:
    if text is not None:
        return newest_with_text(session, text, conditions, limit)
    return list(session.scalars(select(CancellationRow.id).where(*conditions).order_by(*NEWEST_FIRST).limit(limit)))


def _counts(session: Session, searched: str | None, conditions: Sequence[ColumnElement[bool]]) -> dict[Stage, int]:
    count = (
        select(CancellationRow.stage, func.count())
        .join(SubscriptionRow, SubscriptionRow.id == CancellationRow.subscription)
        .join(OrganizationRow, OrganizationRow.id == SubscriptionRow.organization)
        .where(*conditions, *([] if searched is None else [has_text(searched)]))
        .group_by(CancellationRow.stage)
    )
    numbers = {Stage(stage): number for stage, number in session.execute(count)}
    return {stage: numbers.get(stage, 0) for stage in Stage}


def case_summary(session: Session, cancellation: str) -> CaseSummary:
    """Return one cancellation as it is listed."""
    return _summary(session, *session.execute(_cases().where(CancellationRow.id == cancellation)).one())


def _conditions(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    row = CancellationRow
    conditions: list[ColumnElement[bool]] = []
    if wanted.cancellations is not None:
        conditions.append(row.id.in_(sorted(wanted.cancellations)))
    if wanted.stages:
        conditions.append(row.stage.in_([stage.value for stage in wanted.stages]))
    if wanted.organization is not None:
        conditions.append(_is_of([wanted.organization]))
    conditions += _visible(wanted)
    if wanted.reason_code is not None:
        conditions.append(row.reason_code == wanted.reason_code)
    conditions += _of_dates(wanted)
    if wanted.waits_for is not None:
        conditions.append(waits_for(wanted.waits_for))
    if wanted.open_system_tasks:
        conditions.append(row.id.in_(select(SystemTaskRow.cancellation).where(*OPEN_TASK)))
    return conditions


def _of_dates(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    row = CancellationRow
    conditions: list[ColumnElement[bool]] = []
    if wanted.received_from is not None:
        conditions.append(row.received_on >= wanted.received_from)
        conditions.append(row.received_at >= start_of_day(wanted.received_from, "UTC") - _ANY_ZONE)
    if wanted.received_until is not None:
        conditions.append(row.received_on <= wanted.received_until)
        conditions.append(row.received_at <= start_of_day(wanted.received_until, "UTC") + _ANY_ZONE)
    if wanted.deadline_until is not None:
        conditions.append(row.stage_deadline <= wanted.deadline_until)
    return conditions


_ANY_ZONE = timedelta(days=2)
"""A civil day in any zone lies within so much of its beginning in UTC."""


def _visible(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    return [] if wanted.organizations is None else [_is_of(wanted.organizations)]


def _is_of(organizations: Collection[str]) -> ColumnElement[bool]:
    subscriptions = select(SubscriptionRow.id).where(SubscriptionRow.organization.in_(sorted(organizations)))
    return CancellationRow.subscription.in_(subscriptions)


def _cases() -> Select[CancellationRow, OrganizationRow, str | None, bool]:
    return (
        select(CancellationRow, OrganizationRow, NEXT_EVENT, IS_BILLING_OPEN)
        .join(SubscriptionRow, SubscriptionRow.id == CancellationRow.subscription)
        .join(OrganizationRow, OrganizationRow.id == SubscriptionRow.organization)
    )


def _summary(
    session: Session,
    case: CancellationRow,
    organization: OrganizationRow,
    next_event: str | None,
    is_billing_open: bool,
) -> CaseSummary:
    return CaseSummary(
        cancellation=case.id,
        subscription=case.subscription,
        subscription_line=case.subscription_line,
        organization=organization.id,
        time_zone=case.time_zone or organization.time_zone,
        stage=Stage(case.stage),
        reason_code=case.reason_code,
        waits_for=(*([Awaited(next_event)] if next_event else []), *([Awaited.BILLING] if is_billing_open else [])),
        received_at=case.received_at,
        channel=ReceiptChannel(case.channel) if case.channel else None,
        termination=termination_of(case) if case.termination_date else None,
        termination_date=case.termination_date,
        line_ends_on=case.line_ends_on,
        access_ended_on=case.access_ended_on,
        reversal_deadline=case.reversal_deadline,
        stage_deadline=case.stage_deadline,
        ended_at=case.ended_at,
        verified=case.verified_by is not None,
        request_id=case.request_id.removeprefix(f"{case.workflow_id}:"),
        quote=shown_quote(session, case),
    )

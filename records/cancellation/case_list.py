"""The list of cancellations: filtered, page by page, with their number at each stage."""

from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints
from sqlalchemy import ColumnElement, Select, func, or_, select, tuple_
from sqlalchemy.orm import Session

from domain.cancellation.waiting import STAGES, Awaited
from domain.lines.quote import Quote
from domain.refusals import Refusal
from domain.remedies import correct_input
from domain.vocabulary import Identifier, ReceiptChannel, Stage, Termination
from records.cancellation.quotes import shown_quote, termination_of
from records.cancellation.waiting import IS_BILLING_OPEN, NEXT_EVENT
from storage.tables import CancellationRow, OrganizationRow, SubscriptionRow

SearchedText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00]*$")
]


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
    text: SearchedText | None = None
    """A part of the id of the cancellation, the subscription or the organization, of the subscription's description or the
    organization's unique name, in any case; no addresses and no reasons, which identify people."""


class CasePage(BaseModel):
    """A part of a list of cancellations."""

    model_config = ConfigDict(frozen=True)

    cancellations: tuple[CaseSummary, ...]
    next: str | None
    """The cursor of the next page; null on the last one."""
    counts: dict[Stage, int]
    """The number of cancellations on all pages of the list, by stage."""


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
    session: Session, wanted: CaseFilter | None = None, *, after: str | None = None, limit: int = 100
) -> CasePage:
    """Return a page of cancellations, the last received first.

    Args:
        session: the session that reads them.
        wanted: the cancellations to list; all, if not set.
        after: the ``next`` of the page before, which is the id of its last cancellation. What is received between two pages
            moves nothing from one to the other.
        limit: the largest number of cancellations on the page.

    Raises:
        CursorUnknown.

    """
    wanted = wanted or CaseFilter()
    conditions = _conditions(wanted)
    query = _cases().where(*conditions).order_by(CancellationRow.received_at.desc(), CancellationRow.id.desc())
    if after is not None:
        last = session.scalar(_cases().where(CancellationRow.id == after, *_visible(wanted)))
        if last is None:
            raise CursorUnknown(after)
        query = query.where(tuple_(CancellationRow.received_at, CancellationRow.id) < (last.received_at, last.id))
    found = [_summary(session, *row) for row in session.execute(query.limit(limit + 1))]
    count = (
        select(CancellationRow.stage, func.count())
        .join(SubscriptionRow, SubscriptionRow.id == CancellationRow.subscription)
        .join(OrganizationRow, OrganizationRow.id == SubscriptionRow.organization)
        .where(*conditions)
        .group_by(CancellationRow.stage)
    )
    numbers = {Stage(stage): number for stage, number in session.execute(count)}
    return CasePage(
        cancellations=tuple(found[:limit]),
        next=found[limit - 1].cancellation if len(found) > limit else None,
        counts={stage: numbers.get(stage, 0) for stage in Stage},
    )


def case_summary(session: Session, cancellation: str) -> CaseSummary:
    """Return one cancellation as it is listed."""
    return _summary(session, *session.execute(_cases().where(CancellationRow.id == cancellation)).one())


def _conditions(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    row = CancellationRow
    conditions: list[ColumnElement[bool]] = []
    if wanted.stages:
        conditions.append(row.stage.in_([stage.value for stage in wanted.stages]))
    if wanted.organization is not None:
        conditions.append(OrganizationRow.id == wanted.organization)
    conditions += _visible(wanted)
    if wanted.reason_code is not None:
        conditions.append(row.reason_code == wanted.reason_code)
    if wanted.received_from is not None:
        conditions.append(row.received_on >= wanted.received_from)
    if wanted.received_until is not None:
        conditions.append(row.received_on <= wanted.received_until)
    if wanted.deadline_until is not None:
        conditions.append(row.stage_deadline <= wanted.deadline_until)
    if wanted.waits_for is not None:  # the stages first, which an index knows
        conditions.append(row.stage.in_([stage.value for stage in STAGES[wanted.waits_for]]))
        waits = NEXT_EVENT.in_([wanted.waits_for.value])
        conditions.append(IS_BILLING_OPEN if wanted.waits_for is Awaited.BILLING else waits)
    if wanted.text is not None:
        searched = (row.id, SubscriptionRow.description, OrganizationRow.id, OrganizationRow.unique_name)
        conditions.append(or_(*(column.icontains(wanted.text, autoescape=True) for column in searched)))
    return conditions


def _visible(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    return [] if wanted.organizations is None else [OrganizationRow.id.in_(sorted(wanted.organizations))]


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

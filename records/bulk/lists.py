"""Bulks and their rows as people see them: what the plan would cost, how far it is, and the result of each row."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from contract.bulk import BulkProgress
from domain.bulk import ALONE_UP_TO, PLAN_STANDS_FOR, BulkKind, BulkState, RowState
from domain.bulk.plan import RowQuote
from domain.bulk.refusals import BulkUnknown
from domain.refusals import RefusalDetails
from records.bulk.costs import BulkCost, cost_of
from storage.tables import BulkItemRow, BulkRow, BulkSwitchRow


class BulkSwitch(BaseModel):
    """The kill switch of the installation."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    off_since: datetime | None
    """The instant (UTC) since which no bulk starts anything; null where they may."""
    switched_by: str | None
    reason: str | None


class BulkView(BaseModel):
    """One bulk, as it is listed."""

    model_config = ConfigDict(frozen=True)

    bulk: str
    kind: BulkKind
    organization: str | None
    source: str
    state: BulkState
    reason: str
    planned_by: str
    planned_at: datetime
    total: int
    ready: int | None
    """The number of rows that the plan found could be started; null until all are judged."""
    digest: str | None
    """Names the plan exactly as it is shown; a confirmation names it."""
    needs_second_person: bool
    """True if whoever planned it may not confirm it."""
    confirm_until: datetime | None
    """The first instant (UTC) at which it is too late; null where there is nothing to confirm."""
    at_once: int
    per_minute: int
    confirmed_by: str | None
    confirmed_at: datetime | None
    confirmed_because: str | None
    halted_by: str | None
    """Whoever stopped or killed it last."""
    halted_at: datetime | None
    halted_because: str | None
    ended_at: datetime | None
    rows: Mapping[RowState, int]
    """The number of rows by their state."""

    @property
    def settled(self) -> int:
        """The number of rows to which nothing more happens."""
        return sum(number for state, number in self.rows.items() if state.is_settled)


class BulkStatus(BulkView):
    """One bulk, with what its plan would cost, and what was refused."""

    cost: BulkCost
    refusals: Mapping[str, int]
    """The number of rows that were refused, by the code of the refusal."""
    switch: BulkSwitch


class BulkRowContent(BaseModel):
    """What a row is to be started with: the words and answers that whoever confirms the bulk puts their name to."""

    model_config = ConfigDict(frozen=True)

    answers: Mapping[str, str] = {}
    """Answers to the checklist, by question."""
    attestation: str | None = None
    """How it is known that the billing administrator asks."""
    goodwill: str | None = None
    """The reason for which a goodwill is asked for."""
    reason: str | None = None
    reason_code: str | None = None
    received_on: date | None = None
    received_at: datetime | None = None
    channel: str | None = None
    received_because: str | None = None


class BulkRowView(BaseModel):
    """One row: what the plan shows of it, and its result."""

    model_config = ConfigDict(frozen=True)

    number: int
    """As in its file, with the header as row 1; from 1 on in a bulk of an organization."""
    subscription: str
    organization: str | None
    state: RowState
    cancellation: str | None
    quote: RowQuote | None
    refusal: RefusalDetails | None
    begun_at: datetime | None
    settled_at: datetime | None
    content: BulkRowContent | None = None
    """Shown to those who may confirm a bulk, until the row is settled: then its case has it, or nobody."""


class BulkRowPage(BaseModel):
    """Some rows of a bulk, by their numbers."""

    model_config = ConfigDict(frozen=True)

    bulk: str
    rows: Sequence[BulkRowView]
    next: int | None
    """The number after which the next page begins; null on the last one."""


def list_bulks(
    session: Session,
    *,
    states: Collection[BulkState] = (),
    organizations: Collection[str] | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[BulkView]:
    """Return bulks, the last planned first; of those alone that concern ``organizations``, if they are given.

    ``after`` is the last bulk of the page before. Raises BulkUnknown of it.
    """
    query = select(BulkRow).where(_visible(organizations)).order_by(BulkRow.planned_at.desc(), BulkRow.id.desc())
    if states:
        query = query.where(BulkRow.state.in_([state.value for state in states]))
    if after is not None:
        last = find(session, after, organizations)
        before = (BulkRow.planned_at < last.planned_at) | (
            (BulkRow.planned_at == last.planned_at) & (BulkRow.id < last.id)
        )
        query = query.where(before)
    return [_view(session, row) for row in session.scalars(query.limit(limit))]


def status_of(session: Session, bulk: str, organizations: Collection[str] | None = None) -> BulkStatus:
    """Return one bulk. Raises BulkUnknown, also of one that concerns other organizations."""
    row = find(session, bulk, organizations)
    code = BulkItemRow.refusal["code"].astext
    refusals = session.execute(
        select(code, func.count())
        .where(BulkItemRow.bulk == bulk, BulkItemRow.state == RowState.REFUSED.value)
        .group_by(code)
        .order_by(func.count().desc(), code)
    )
    return BulkStatus(
        **dict(_view(session, row)),
        cost=cost_of(session, bulk),
        refusals={name: number for name, number in refusals},  # noqa: C416 - rows are no pairs to the type checker
        switch=switch_of(session),
    )


def rows_of(
    session: Session,
    bulk: str,
    *,
    states: Collection[RowState] = (),
    organizations: Collection[str] | None = None,
    shows_content: bool = False,
    after: int = 0,
    limit: int = 100,
) -> BulkRowPage:
    """Return rows of a bulk by their numbers, with what they are to be started with if that is asked for. Raises BulkUnknown."""
    find(session, bulk, organizations)
    query = select(BulkItemRow).where(BulkItemRow.bulk == bulk, BulkItemRow.number > after)
    if states:
        query = query.where(BulkItemRow.state.in_([state.value for state in states]))
    found = session.scalars(query.order_by(BulkItemRow.number).limit(limit + 1)).all()
    page = found[:limit]
    return BulkRowPage(
        bulk=bulk,
        rows=[_row(row, shows_content=shows_content) for row in page],
        next=page[-1].number if len(found) > limit else None,
    )


def find(session: Session, bulk: str, organizations: Collection[str] | None = None) -> BulkRow:
    """Return the record of a bulk. Raises BulkUnknown, also of one that concerns other organizations."""
    row = session.scalar(select(BulkRow).where(BulkRow.id == bulk, _visible(organizations)))
    if row is None:
        raise BulkUnknown(bulk)
    return row


def progress_of(session: Session, bulk: str) -> BulkProgress | None:
    """Return how far a bulk is; None where there is none."""
    row = session.get(BulkRow, bulk)
    if row is None:
        return None
    return BulkProgress(
        bulk=bulk,
        state=BulkState(row.state),
        rows=counts_of(session, bulk),
        is_switched_off=switch_of(session).off_since is not None,
    )


def switch_of(session: Session) -> BulkSwitch:
    """Return the kill switch."""
    return BulkSwitch.model_validate(session.get_one(BulkSwitchRow, 1))


def counts_of(session: Session, bulk: str) -> dict[RowState, int]:
    """Return the number of rows of a bulk by their state, in the order of states; none that no row has."""
    counted = select(BulkItemRow.state, func.count()).where(BulkItemRow.bulk == bulk).group_by(BulkItemRow.state)
    found = {state: number for state, number in session.execute(counted)}  # noqa: C416 - as above
    return {state: found[state.value] for state in RowState if state.value in found}


def _visible(organizations: Collection[str] | None) -> ColumnElement[bool]:
    """Return the condition for the bulks that somebody may see: without a limit all, else those limited to what they may see.

    What was limited to nothing is within everybody's limits, and concerns nobody.
    """
    if organizations is None:
        return true()
    seen = cast(sorted(organizations), ARRAY(Text))
    return or_(
        and_(func.cardinality(BulkRow.organizations) > 0, BulkRow.organizations.contained_by(seen)),
        BulkRow.organization.in_(sorted(organizations)),
    )


def _view(session: Session, row: BulkRow) -> BulkView:
    state = BulkState(row.state)
    return BulkView(
        bulk=row.id,
        kind=BulkKind(row.kind),
        organization=row.organization,
        source=row.source,
        state=state,
        reason=row.reason,
        planned_by=row.planned_by,
        planned_at=row.planned_at,
        total=row.total,
        ready=row.ready,
        digest=row.digest,
        needs_second_person=row.ready is not None and row.ready > ALONE_UP_TO,
        confirm_until=row.planned_at + PLAN_STANDS_FOR if state is BulkState.PLANNED else None,
        at_once=row.at_once,
        per_minute=row.per_minute,
        confirmed_by=row.confirmed_by,
        confirmed_at=row.confirmed_at,
        confirmed_because=row.confirmed_because,
        halted_by=row.halted_by,
        halted_at=row.halted_at,
        halted_because=row.halted_because,
        ended_at=row.ended_at,
        rows=counts_of(session, row.id),
    )


def _row(row: BulkItemRow, *, shows_content: bool) -> BulkRowView:
    return BulkRowView(
        number=row.number,
        subscription=row.subscription,
        organization=row.organization,
        state=RowState(row.state),
        cancellation=row.cancellation,
        quote=None if row.quote is None else RowQuote.model_validate(row.quote),
        content=BulkRowContent.model_validate(row.start) if shows_content and row.start is not None else None,
        refusal=None if row.refusal is None else RefusalDetails.model_validate(row.refusal),
        begun_at=row.begun_at,
        settled_at=row.settled_at,
    )

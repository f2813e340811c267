"""The state of the service in figures, for people who watch it: what is open, what waits too long, what the last night did.

Whatever is measured is found by an index, and none of it names a case, an organization or a person.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from domain.cancellation.waiting import Awaited
from domain.civil_time import day_of
from domain.lines.runs import Scope
from domain.marketing import MarketingStage
from domain.migration import FINAL_MIGRATION_STAGES, MigrationStage
from domain.vocabulary import Channel, Stage
from domain.webhooks import EndpointState
from records.cancellation.waiting import AWAITED_BY_DEADLINE, BEFORE_DEADLINE
from records.outbox import PENDING
from storage.tables import (
    AuditRow,
    AuditSealRow,
    CancellationRow,
    LineDatesRunRow,
    MarketingCancellationRow,
    MessageRow,
    MigrationRow,
    SubscriptionLineRow,
    WebhookEndpointRow,
)

OVERDUE_AFTER = timedelta(minutes=10)
"""The time after its deadline from which on a stage is overdue: one that ends now is not."""

MOST_OVERDUE = 10_000
"""The largest number of overdue cases of which it is found out what they wait for."""

_RUNS = 1_000
"""The number of the newest runs among which the last nightly one is looked for: others are asked for line by line."""

_RUNNING = [stage for stage in Stage if not stage.is_final]
_STOPPING = [MarketingStage.INTAKE, MarketingStage.STOPPING]
_IS_OPEN: Mapping[str, tuple[InstrumentedAttribute[str], Sequence[StrEnum], ColumnElement[bool]]] = {
    "cancellation": (
        CancellationRow.stage,
        _RUNNING,
        CancellationRow.stage.in_([stage.value for stage in _RUNNING]),
    ),
    "migration": (
        MigrationRow.stage,
        [stage for stage in MigrationStage if stage not in FINAL_MIGRATION_STAGES],
        MigrationRow.stage.not_in(sorted(stage.value for stage in FINAL_MIGRATION_STAGES)),
    ),
    "marketing_service": (
        MarketingCancellationRow.stage,
        _STOPPING,
        MarketingCancellationRow.stage.in_([stage.value for stage in _STOPPING]),
    ),
}
"""The open cases of each kind: their stage, its values, and the condition as an index has it."""


class Pending(BaseModel):
    """The messages of one channel that are owed, without those to webhook endpoints that are paused."""

    model_config = ConfigDict(frozen=True)

    messages: int
    oldest: timedelta
    """The age of the oldest of them; zero, if there are none."""


class NightlyRun(BaseModel):
    """The last run of the nightly update on every line."""

    model_config = ConfigDict(frozen=True)

    started_at: datetime
    finished_at: datetime | None
    due: int
    """The number of lines that were due when it began."""
    closed: int
    rolled: int
    failed: int
    busy: int
    never_billed: int


class Measurements(BaseModel):
    """The figures of one moment."""

    model_config = ConfigDict(frozen=True)

    open_cases: Mapping[tuple[str, str], int]
    """The number of open cases by kind (``cancellation`` of a subscription or a line, ``migration``, ``marketing_service``) and
    stage, with every stage there is."""
    overdue: Mapping[Awaited, int]
    """The number of cancellations whose stage should have ended by itself, by what they wait for; `MOST_OVERDUE` at most.
    A preparation has no deadline of its own."""
    oldest_preparation: timedelta
    """The time since the receipt of the oldest cancellation that is prepared; zero, if there is none."""
    pending: Mapping[Channel, Pending]
    endpoints: Mapping[EndpointState, int]
    """The number of webhook endpoints by state."""
    lines_due: int
    """The number of lines that the next nightly update closes or rolls."""
    lines_overdue: int
    """The number of those that the last one should have."""
    oldest_unsealed: timedelta
    """The age of the oldest entry of the audit trail after the newest seal; zero, if there is none."""
    nightly: NightlyRun | None
    """None before the first night."""


def measure(session: Session, *, at: datetime, zone: str) -> Measurements:
    """Measure the service; ``zone`` is that of the nightly update, by whose days lines are due."""
    today = day_of(at, zone)
    return Measurements(
        open_cases={key: number for kind in _IS_OPEN for key, number in _open(session, kind).items()},
        overdue=_overdue(session, at),
        oldest_preparation=_oldest_preparation(session, at),
        pending={Channel.MAIL: _pending_mail(session, at), Channel.WEBHOOK: _pending_webhooks(session, at)},
        endpoints=_endpoints(session),
        lines_due=_due(session, today),
        # The run of a night leaves nothing that was due before its day.
        lines_overdue=_due(session, today - timedelta(days=1)),
        oldest_unsealed=_oldest_unsealed(session, at),
        nightly=_last_night(session),
    )


def _open(session: Session, kind: str) -> dict[tuple[str, str], int]:
    stage, stages, is_open = _IS_OPEN[kind]
    found = session.execute(select(stage, func.count()).where(is_open).group_by(stage))
    return {(kind, each.value): 0 for each in stages} | {(kind, each): number for each, number in found}


def _overdue(session: Session, at: datetime) -> dict[Awaited, int]:
    late = (
        select(CancellationRow.id)
        .where(CancellationRow.stage_deadline < at - OVERDUE_AFTER)
        .order_by(CancellationRow.stage_deadline)
        .limit(MOST_OVERDUE)
    )
    awaited = select(BEFORE_DEADLINE.label("awaited")).where(CancellationRow.id.in_(late)).subquery()
    found = session.execute(select(awaited.c.awaited, func.count()).group_by(awaited.c.awaited))
    return dict.fromkeys(AWAITED_BY_DEADLINE, 0) | {Awaited(each): number for each, number in found if each is not None}


def _oldest_preparation(session: Session, at: datetime) -> timedelta:
    received = select(func.min(CancellationRow.received_at)).where(CancellationRow.stage == Stage.PREPARING.value)
    return _age(session.scalar(received), at)


def _pending_mail(session: Session, at: datetime) -> Pending:
    query = select(func.count(), func.min(MessageRow.sequence))
    number, oldest = session.execute(query.where(MessageRow.channel == Channel.MAIL.value, *PENDING)).one()
    return _pending(session, number, oldest, at)


def _pending_webhooks(session: Session, at: datetime) -> Pending:
    owed = (
        select(func.count().label("number"), func.min(MessageRow.sequence).label("oldest"))
        .where(MessageRow.channel == Channel.WEBHOOK.value, MessageRow.recipient == WebhookEndpointRow.name, *PENDING)
        .correlate(WebhookEndpointRow)
        .lateral()
    )
    query = (
        select(func.coalesce(func.sum(owed.c.number), 0), func.min(owed.c.oldest))
        .select_from(WebhookEndpointRow)
        .join(owed, true())
        .where(WebhookEndpointRow.state == EndpointState.ACTIVE.value)
    )
    number, oldest = session.execute(query).one()
    return _pending(session, number, oldest, at)


def _pending(session: Session, number: int, oldest: int | None, at: datetime) -> Pending:
    written = session.scalar(select(MessageRow.created_at).where(MessageRow.sequence == oldest)) if oldest else None
    return Pending(messages=number, oldest=_age(written, at))


def _endpoints(session: Session) -> dict[EndpointState, int]:
    found = session.execute(select(WebhookEndpointRow.state, func.count()).group_by(WebhookEndpointRow.state))
    return dict.fromkeys(EndpointState, 0) | {EndpointState(state): number for state, number in found}


def _due(session: Session, day: date) -> int:
    query = select(func.count()).select_from(SubscriptionLineRow).where(SubscriptionLineRow.due_after < day)
    return session.scalar(query) or 0


def _oldest_unsealed(session: Session, at: datetime) -> timedelta:
    newest = select(func.coalesce(func.max(AuditSealRow.newest_entry), 0)).where(
        AuditSealRow.number == select(func.max(AuditSealRow.number)).scalar_subquery()
    )
    unsealed = select(AuditRow.at).where(AuditRow.id > newest.scalar_subquery()).order_by(AuditRow.id).limit(1)
    return _age(session.scalar(unsealed), at)


def _last_night(session: Session) -> NightlyRun | None:
    newest = select(LineDatesRunRow).order_by(LineDatesRunRow.started_at.desc()).limit(_RUNS).subquery()
    everything = Scope().model_dump(mode="json", exclude_none=True)
    run = session.execute(
        select(*(newest.c[name] for name in NightlyRun.model_fields))
        .where(newest.c.scope == everything)
        .order_by(newest.c.started_at.desc())
        .limit(1)
    ).first()
    return None if run is None else NightlyRun(**run._mapping)  # noqa: SLF001 - SQLAlchemy's public way to a mapping


def _age(since: datetime | None, at: datetime) -> timedelta:
    """Return an age; what is dated later than now, as a clock that is ahead does, is new."""
    return timedelta() if since is None else max(timedelta(), at - since)

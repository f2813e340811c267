"""The records of on-premises migrations (rules, section 10): one transaction for each thing that happens to one.

Every function is idempotent by its step: run again, it changes nothing and returns what it returned first.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract.steps import Correction, MigrationState, Step
from domain.cancellation.lifecycle import CancellationUnknown
from domain.messaging import MigrationFacts
from domain.migration import (
    HAND_OVERS,
    QUEUES,
    HandOver,
    MigrationRunning,
    MigrationStage,
    NothingToMigrate,
    Party,
    patience,
)
from domain.vocabulary import Channel, DataChoice, Event, Platform, Stage
from records import audit
from records.cancellation.cases import HeldCase, hold_case, record_step, tell_of
from records.cancellation.transitions import prepare
from storage.tables import CancellationRow, MigrationRow, SupportQueueRow


def request(session: Session, step: Step, *, channels: frozenset[Channel]) -> MigrationState:
    """Request the migration of a cancellation whose checklist is complete, or return the one that was requested before.

    Raises:
        NothingToMigrate: the cancellation does not wait for a migration.
        MigrationRunning: the organization's data is being migrated for another subscription.
        CancellationUnknown: there is no such cancellation.

    """
    if session.get(CancellationRow, step.cancellation) is None:
        raise CancellationUnknown(step.cancellation)
    case = hold_case(session, step.cancellation)
    if (row := session.get(MigrationRow, step.cancellation)) is not None:
        return _state(case, row)
    if case.row.data != DataChoice.MIGRATE or case.row.stage not in (Stage.INTAKE, Stage.PREPARING):
        raise NothingToMigrate(step.cancellation, f"it is {case.row.stage} with data={case.row.data}")
    if not case.organization.data_schema:
        raise NothingToMigrate(case.organization.id, "the organization has no data_schema")
    prepare(session, step)
    # The index decides between two subscriptions of one organization; whoever comes second waits here for the first.
    added = session.execute(
        insert(MigrationRow)
        .values(
            cancellation=case.row.id,
            organization=case.organization.id,
            queue=QUEUES[Platform(case.organization.platform)],
            stage=MigrationStage.REQUESTED.value,
            stage_since=step.at,
            requested_at=step.at,
        )
        .on_conflict_do_nothing()
        .returning(MigrationRow.cancellation)
    )
    if added.scalar() is None:
        raise MigrationRunning(case.organization.id, _running(session, case.organization.id))
    row = session.get_one(MigrationRow, step.cancellation)
    record_step(session, case, "migration.requested", step, after={"stage": row.stage, "queue": row.queue})
    _tell(session, case, row, Event.MIGRATION_REQUESTED, step, Party.QUEUE, channels=channels)
    return _state(case, row)


def accept(
    session: Session, step: Step, *, contact: str, transfer_at: datetime, channels: frozenset[Channel]
) -> MigrationState:
    """Keep that the queue accepted: whom to notify, and when to transfer. The contact is told, so that a wrong one shows."""
    case, row = _held(session, step)
    accepted = {"stage": MigrationStage.SCHEDULED.value, "transfer_at": transfer_at.isoformat()}
    if row.stage == MigrationStage.REQUESTED and record_step(session, case, "migration.accepted", step, after=accepted):
        row.contact, row.transfer_at = contact, transfer_at
        row.accepted_by, row.accepted_at = step.actor, step.at
        _move(row, MigrationStage.SCHEDULED, step)
        _tell(session, case, row, Event.MIGRATION_SCHEDULED, step, Party.IT_DEPARTMENT, channels=channels)
    return _state(case, row)


def correct(session: Session, step: Step, correction: Correction, *, channels: frozenset[Channel]) -> MigrationState:
    """Put something right, and tell the contact what is now true. The audit trail names no address."""
    case, row = _held(session, step)
    before = {"stage": row.stage, "transfer_at": row.transfer_at.isoformat() if row.transfer_at else None}
    if MigrationStage(row.stage).is_final or audit.after_of(session, step.key) is not None:
        return _state(case, row)
    if correction.contact is not None:
        row.contact = correction.contact
    if correction.transfer_at is not None:
        row.transfer_at = correction.transfer_at
    if correction.again:
        _forget_transfer(row)
        _move(row, MigrationStage.SCHEDULED, step)
    after = {
        "stage": row.stage,
        "transfer_at": row.transfer_at.isoformat() if row.transfer_at else None,
        "contact": "replaced" if correction.contact is not None else None,
    }
    record_step(session, case, "migration.corrected", step, before=before, after=after)
    if row.stage == MigrationStage.SCHEDULED:
        _tell(session, case, row, Event.MIGRATION_SCHEDULED, step, Party.IT_DEPARTMENT, channels=channels)
    elif row.stage == MigrationStage.AVAILABLE:
        row.stage_since = step.at  # whoever hears of it only now has as long as the first contact had
        _tell_available(session, case, row, step, channels=channels)
    return _state(case, row)


def start_transfer(session: Session, step: Step) -> MigrationState:
    """Begin a transfer whose time has come."""
    case, row = _held(session, step)
    after = {"stage": MigrationStage.TRANSFERRING.value, "transfer": str(row.transfers + 1)}
    if row.stage == MigrationStage.SCHEDULED and record_step(
        session, case, "migration.transfer_started", step, after=after
    ):
        row.transfers += 1
        _move(row, MigrationStage.TRANSFERRING, step)
    return _state(case, row)


class Attempt(BaseModel):
    """One try of a transfer."""

    model_config = ConfigDict(frozen=True)

    number: int
    schema_name: str


class Transferred(BaseModel):
    """What a transfer brought to the secure site."""

    model_config = ConfigDict(frozen=True)

    prefix: str
    tables: int
    rows: int
    bytes: int
    sha256: str


def begin_attempt(session: Session, step: Step, *, transfer: int) -> Attempt | None:
    """Begin another try of a transfer; None if it is not wanted any more, or has succeeded."""
    case, row = _held(session, step)
    if row.stage != MigrationStage.TRANSFERRING or row.transfers != transfer:
        return None
    if not case.organization.data_schema:
        raise NothingToMigrate(case.organization.id, "the organization has no data_schema")
    row.attempts += 1
    return Attempt(number=row.attempts, schema_name=case.organization.data_schema)


def finish_attempt(
    session: Session,
    step: Step,
    *,
    transfer: int,
    attempt: int,
    transferred: Transferred,
    channels: frozenset[Channel],
) -> bool:
    """Let a try count, and tell the contact; False if another has begun since, or the transfer is not wanted any more."""
    case, row = _held(session, step)
    if row.stage != MigrationStage.TRANSFERRING or row.transfers != transfer or row.attempts != attempt:
        return False
    row.transferred_at = step.at
    row.prefix, row.sha256 = transferred.prefix, transferred.sha256
    row.tables, row.rows, row.bytes = transferred.tables, transferred.rows, transferred.bytes
    _move(row, MigrationStage.AVAILABLE, step)
    after = {"stage": row.stage, "attempt": str(attempt), **transferred.model_dump(mode="json", exclude={"prefix"})}
    record_step(session, case, "migration.transferred", step, after=after)
    _tell_available(session, case, row, step, channels=channels)
    return True


def send_link(session: Session, step: Step, *, channels: frozenset[Channel]) -> MigrationState:
    """Mail the contact a fresh link; the ones before keep the time they have."""
    case, row = _held(session, step)
    waiting = row.stage in (MigrationStage.AVAILABLE, MigrationStage.DOWNLOADED)
    if waiting and record_step(session, case, "migration.link_sent", step, after={"link": str(row.links + 1)}):
        _tell_available(session, case, row, step, channels=channels)
    return _state(case, row)


def acknowledge(session: Session, step: Step, *, channels: frozenset[Channel]) -> MigrationState:
    """Keep that the IT department has the data, and ask the queue for the report that the migration is complete."""
    case, row = _held(session, step)
    after = {"stage": MigrationStage.DOWNLOADED.value}
    if row.stage == MigrationStage.AVAILABLE and record_step(session, case, "migration.downloaded", step, after=after):
        row.downloaded_by, row.downloaded_at = step.actor, step.at
        _move(row, MigrationStage.DOWNLOADED, step)
        _tell(session, case, row, Event.MIGRATION_DOWNLOADED, step, Party.QUEUE, channels=channels)
    return _state(case, row)


def complete(session: Session, step: Step, *, channels: frozenset[Channel]) -> MigrationState:
    """End a migration as completed: the cancellation goes on."""
    case, row = _held(session, step)
    after = {"stage": MigrationStage.COMPLETED.value}
    if row.stage == MigrationStage.DOWNLOADED and record_step(session, case, "migration.completed", step, after=after):
        row.completed_by, row.ended_at = step.actor, step.at
        _move(row, MigrationStage.COMPLETED, step)
        _tell(session, case, row, Event.MIGRATION_COMPLETED, step, Party.BILLING_ADMINISTRATOR, channels=channels)
    return _state(case, row)


def end(session: Session, step: Step, stage: MigrationStage, *, channels: frozenset[Channel]) -> MigrationState:
    """End a migration as withdrawn or abandoned; queue and contact are told, so that nobody goes on with it."""
    case, row = _held(session, step)
    if MigrationStage(row.stage).is_final or not record_step(
        session, case, f"migration.{stage}", step, before={"stage": row.stage}, after={"stage": stage.value}
    ):
        return _state(case, row)
    _forget_transfer(row)
    row.ended_at = step.at
    _move(row, stage, step)
    _tell(session, case, row, Event.MIGRATION_ENDED, step, Party.QUEUE, channels=channels)
    if row.contact is not None:
        mail_alone = channels & {Channel.MAIL}  # systems have heard it from the message to the queue
        _tell(session, case, row, Event.MIGRATION_ENDED, step, Party.IT_DEPARTMENT, channels=mail_alone)
    return _state(case, row)


def remind(
    session: Session, step: Step, event: Event, hand_over: HandOver, *, channels: frozenset[Channel]
) -> MigrationState:
    """Remind the one who must act, or escalate; each once per occasion, and not of what happened meanwhile."""
    case, row = _held(session, step)
    if HAND_OVERS.get(MigrationStage(row.stage)) is not hand_over:
        return _state(case, row)
    action = "escalated" if event is Event.MIGRATION_ESCALATED else "reminded"
    if record_step(session, case, f"migration.{action}", step, after={"hand_over": hand_over.value}):
        party = Party.ESCALATION if event is Event.MIGRATION_ESCALATED else hand_over.must_act
        _tell(session, case, row, event, step, party, channels=channels)
    return _state(case, row)


def state_of(session: Session, cancellation: str) -> MigrationState:
    """Return a migration as it is recorded."""
    case = hold_case(session, cancellation)
    return _state(case, session.get_one(MigrationRow, cancellation))


def _held(session: Session, step: Step) -> tuple[HeldCase, MigrationRow]:
    case = hold_case(session, step.cancellation)
    return case, session.get_one(MigrationRow, step.cancellation, populate_existing=True)


def _running(session: Session, organization: str) -> str:
    found = session.scalar(
        select(MigrationRow.cancellation).where(
            MigrationRow.organization == organization, MigrationRow.ended_at.is_(None)
        )
    )
    return found or "another cancellation"


def _move(row: MigrationRow, stage: MigrationStage, step: Step) -> None:
    row.stage, row.stage_since = stage.value, step.at


def _forget_transfer(row: MigrationRow) -> None:
    row.transferred_at = row.prefix = row.sha256 = row.link_expires_at = None
    row.tables = row.rows = row.bytes = None
    row.downloaded_by = row.downloaded_at = None


def _tell_available(
    session: Session, case: HeldCase, row: MigrationRow, step: Step, *, channels: frozenset[Channel]
) -> None:
    row.links += 1
    row.link_expires_at = step.at + case.policy.download_link_lifetime
    _tell(session, case, row, Event.MIGRATION_DATA_AVAILABLE, step, Party.IT_DEPARTMENT, channels=channels)


def _tell(
    session: Session,
    case: HeldCase,
    row: MigrationRow,
    event: Event,
    step: Step,
    party: Party,
    *,
    channels: frozenset[Channel],
) -> None:
    mail_to = _address(session, case, row, party)
    row.told += 1
    tell_of(
        session,
        case,
        event,
        step,
        channels=channels if mail_to else channels - {Channel.MAIL},
        occasion=f"{event}-{row.told}",
        migration=_facts(case, row, party),
        mail_to=mail_to,
    )


def _address(session: Session, case: HeldCase, row: MigrationRow, party: Party) -> str | None:
    match party:
        case Party.IT_DEPARTMENT:
            return row.contact
        case Party.BILLING_ADMINISTRATOR:
            return case.organization.billing_administrator
    queue = case.policy.migration_escalation_queue if party is Party.ESCALATION else row.queue
    return session.scalar(select(SupportQueueRow.mail).where(SupportQueueRow.name == queue))


def _facts(case: HeldCase, row: MigrationRow, party: Party) -> MigrationFacts:
    stage = MigrationStage(row.stage)
    hand_over: HandOver | None = HAND_OVERS.get(stage)
    return MigrationFacts(
        stage=stage,
        platform=Platform(case.organization.platform),
        queue=case.policy.migration_escalation_queue if party is Party.ESCALATION else row.queue,
        told=party,
        hand_over=hand_over,
        since=row.stage_since,
        deadline=row.stage_since + patience(case.policy, hand_over).limit if hand_over else None,
        transfer_at=row.transfer_at,
        transfer=row.transfers,
        tables=row.tables,
        rows=row.rows,
        bytes=row.bytes,
        sha256=row.sha256,
        link_expires_at=row.link_expires_at,
    )


def _state(case: HeldCase, row: MigrationRow) -> MigrationState:
    return MigrationState(
        cancellation=row.cancellation,
        organization=row.organization,
        time_zone=case.organization.time_zone,
        platform=Platform(case.organization.platform),
        queue=row.queue,
        policy=case.policy,
        stage=MigrationStage(row.stage),
        stage_since=row.stage_since,
        requested_at=row.requested_at,
        transfer_at=row.transfer_at,
        transfers=row.transfers,
        tables=row.tables,
        rows=row.rows,
        bytes=row.bytes,
        sha256=row.sha256,
        links=row.links,
    )

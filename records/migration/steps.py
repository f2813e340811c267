"""The steps of on-premises migrations in the records (rules, section 10): one transaction each.

Every function is idempotent by its step: run again, it changes nothing and returns its first result.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract.steps import Correction, MigrationState, Step
from domain.cancellation.lifecycle import CancellationUnknown
from domain.migration import (
    HAND_OVERS,
    QUEUES,
    HandOver,
    MigrationRunning,
    MigrationStage,
    NothingToMigrate,
    Party,
)
from domain.vocabulary import Channel, DataChoice, Event, Platform, Stage
from records import audit, limits
from records.audit import record_step
from records.cancellation.locked_case import lock_case
from records.cancellation.transitions import prepare
from records.downloads import fetched_files
from records.migration.locked_migration import LockedMigration, lock_migration
from records.migration.notices import notify_available, notify_party
from records.transaction import Transaction
from storage.tables import CancellationRow, MigrationRow


def request(transaction: Transaction, step: Step) -> MigrationState:
    """Request the migration of a cancellation whose checklist is complete, or return the one already requested.

    Raises:
        NothingToMigrate: the cancellation does not wait for a migration.
        MigrationRunning: the organization's data is being migrated for another subscription.
        CancellationUnknown: there is no such cancellation.

    """
    session = transaction.session
    if session.get(CancellationRow, step.cancellation) is None:
        raise CancellationUnknown(step.cancellation)
    case = lock_case(transaction, step.cancellation)
    if (row := session.get(MigrationRow, step.cancellation)) is not None:
        return LockedMigration(case, row).state
    if case.row.data != DataChoice.MIGRATE or case.row.stage not in (Stage.INTAKE, Stage.PREPARING):
        raise NothingToMigrate(step.cancellation, f"it is {case.row.stage} with data={case.row.data}")
    if not case.organization.data_schema:
        raise NothingToMigrate(case.organization.id, "the organization has no data_schema")
    prepare(transaction, step)
    # The index decides between two subscriptions of one organization; the second one waits here for the first.
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
    migration = LockedMigration(case, session.get_one(MigrationRow, step.cancellation))
    row = migration.row
    record_step(transaction, "migration.requested", step, after={"stage": row.stage, "queue": row.queue})
    notify_party(transaction, migration, Event.MIGRATION_REQUESTED, step, Party.QUEUE)
    return migration.state


def accept(transaction: Transaction, step: Step, *, contact: str, transfer_at: datetime) -> MigrationState:
    """Record the queue's acceptance: contact and time of the transfer. Notifying the contact shows up a wrong address."""
    migration = lock_migration(transaction, step)
    row = migration.row
    accepted = {"stage": MigrationStage.SCHEDULED.value, "transfer_at": transfer_at.isoformat()}
    if row.stage == MigrationStage.REQUESTED and record_step(transaction, "migration.accepted", step, after=accepted):
        row.contact, row.transfer_at = contact, transfer_at
        row.accepted_by, row.accepted_at = step.actor, step.dated
        migration.enter(MigrationStage.SCHEDULED, step)
        notify_party(transaction, migration, Event.MIGRATION_SCHEDULED, step, Party.IT_DEPARTMENT)
    return migration.state


def correct(transaction: Transaction, step: Step, correction: Correction) -> MigrationState:
    """Record a correction, and notify the contact of the corrected facts. The audit trail names no address.

    The state says what was fetched before, maybe by the wrong recipient. Old links end also where the limit on mails is
    reached, and the contact gets a link when one is asked for.
    """
    migration = lock_migration(transaction, step)
    row = migration.row
    before = {"stage": row.stage, "transfer_at": row.transfer_at.isoformat() if row.transfer_at else None}
    if MigrationStage(row.stage).is_final or audit.after_of(transaction.session, step.key) is not None:
        return migration.state
    if correction.contact is not None:
        row.contact = correction.contact
    if correction.transfer_at is not None:
        row.transfer_at = correction.transfer_at
    if correction.again:
        migration.clear_transfer()
        migration.enter(MigrationStage.SCHEDULED, step)
    after = {
        "stage": row.stage,
        "transfer_at": row.transfer_at.isoformat() if row.transfer_at else None,
        "contact": "replaced" if correction.contact is not None else None,
    }
    record_step(transaction, "migration.corrected", step, before=before, after=after)
    if row.stage in (MigrationStage.SCHEDULED, MigrationStage.AVAILABLE):
        mailing = limits.with_room_for_mail(transaction, migration.case, step, address=row.contact)
        if row.stage == MigrationStage.SCHEDULED:
            notify_party(mailing, migration, Event.MIGRATION_SCHEDULED, step, Party.IT_DEPARTMENT)
        else:
            row.stage_since = step.at  # a new contact gets the full time that the first one had
            notify_available(mailing, migration, step)
    return migration.state.model_copy(update={"fetched": fetched_files(transaction.session, step.cancellation)})


def send_link(transaction: Transaction, step: Step) -> MigrationState:
    """Mail the contact a fresh link; it ends those before it. Raises LimitReached."""
    migration = lock_migration(transaction, step)
    row = migration.row
    waiting = row.stage in (MigrationStage.AVAILABLE, MigrationStage.DOWNLOADED)
    if waiting and record_step(transaction, "migration.link_sent", step, after={"link": str(row.links + 1)}):
        notify_available(transaction, migration, step)
        limits.refuse_link_if_reached(transaction, migration.case, step, address=row.contact)
    return migration.state


def acknowledge(transaction: Transaction, step: Step) -> MigrationState:
    """Record that the IT department has the data, and ask the queue to report the migration complete."""
    migration = lock_migration(transaction, step)
    row = migration.row
    after = {"stage": MigrationStage.DOWNLOADED.value}
    if row.stage == MigrationStage.AVAILABLE and record_step(transaction, "migration.downloaded", step, after=after):
        row.downloaded_by, row.downloaded_at = step.actor, step.dated
        migration.enter(MigrationStage.DOWNLOADED, step)
        notify_party(transaction, migration, Event.MIGRATION_DOWNLOADED, step, Party.QUEUE)
    return migration.state


def complete(transaction: Transaction, step: Step) -> MigrationState:
    """End a migration as completed: the cancellation continues."""
    migration = lock_migration(transaction, step)
    row = migration.row
    after = {"stage": MigrationStage.COMPLETED.value}
    if row.stage == MigrationStage.DOWNLOADED and record_step(transaction, "migration.completed", step, after=after):
        row.completed_by, row.ended_at = step.actor, step.at
        migration.enter(MigrationStage.COMPLETED, step)
        notify_party(transaction, migration, Event.MIGRATION_COMPLETED, step, Party.BILLING_ADMINISTRATOR)
    return migration.state


def end(transaction: Transaction, step: Step, stage: MigrationStage) -> MigrationState:
    """End a migration as withdrawn or abandoned; notify queue and contact, so that they stop working on it."""
    migration = lock_migration(transaction, step)
    row = migration.row
    if MigrationStage(row.stage).is_final or not record_step(
        transaction, f"migration.{stage}", step, before={"stage": row.stage}, after={"stage": stage.value}
    ):
        return migration.state
    migration.clear_transfer()
    row.ended_at = step.at
    migration.enter(stage, step)
    notify_party(transaction, migration, Event.MIGRATION_ENDED, step, Party.QUEUE)
    if row.contact is not None:
        # Systems got the message to the queue.
        mail_alone = transaction.only(Channel.MAIL)
        notify_party(mail_alone, migration, Event.MIGRATION_ENDED, step, Party.IT_DEPARTMENT)
    return migration.state


def remind(transaction: Transaction, step: Step, event: Event, hand_over: HandOver) -> MigrationState:
    """Remind the party that must act, or escalate; once per occasion, and not of a hand-over that has happened."""
    migration = lock_migration(transaction, step)
    row = migration.row
    if HAND_OVERS.get(MigrationStage(row.stage)) is not hand_over:
        return migration.state
    action = "escalated" if event is Event.MIGRATION_ESCALATED else "reminded"
    if record_step(transaction, f"migration.{action}", step, after={"hand_over": hand_over.value}):
        party = Party.ESCALATION if event is Event.MIGRATION_ESCALATED else hand_over.must_act
        notify_party(transaction, migration, event, step, party)
    return migration.state


def _running(session: Session, organization: str) -> str:
    found = session.scalar(
        select(MigrationRow.cancellation).where(
            MigrationRow.organization == organization, MigrationRow.ended_at.is_(None)
        )
    )
    return found or "another cancellation"


def state_of(transaction: Transaction, step: Step) -> MigrationState:
    """Return the recorded state of a migration."""
    return lock_migration(transaction, step).state

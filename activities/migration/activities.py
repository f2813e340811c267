"""Activities on the records of on-premises migrations: each is one transaction; run again, it changes nothing."""

from temporalio import activity

from activities.common.records import OnRecords
from activities.common.registration import Registered
from contract import WorkQueue
from contract.steps import (
    Accepted,
    Corrected,
    MigrationEnd,
    MigrationReminder,
    MigrationState,
    Moved,
    Recorded,
    Step,
)
from records import outbox
from records.migration import steps, transfers
from records.transaction import Transaction


class Migrations(OnRecords):
    """The records of migrations."""

    @property
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {
            WorkQueue.RECORDS: [
                self.request_migration,
                self.accept_migration,
                self.correct_migration,
                self.start_transfer,
                self.send_migration_link,
                self.acknowledge_migration,
                self.complete_migration,
                self.end_migration,
                self.remind_of_migration,
            ]
        }

    @activity.defn(no_thread_cancel_exception=True)
    def request_migration(self, step: Step) -> Moved:
        """Request a migration, or return the one already requested; raises NothingToMigrate, MigrationRunning."""
        return _moved(*self._written(steps.request, step))

    @activity.defn(no_thread_cancel_exception=True)
    def accept_migration(self, accepted: Accepted) -> Moved:
        """Record the queue's acceptance: the contact, and the time of the transfer."""
        return _moved(
            *self._written(steps.accept, accepted.step, contact=accepted.contact, transfer_at=accepted.transfer_at)
        )

    @activity.defn(no_thread_cancel_exception=True)
    def correct_migration(self, corrected: Corrected) -> Moved:
        """Record a correction."""
        return _moved(*self._written(steps.correct, corrected.step, corrected.correction))

    @activity.defn(no_thread_cancel_exception=True)
    def start_transfer(self, step: Step) -> Moved:
        """Begin a transfer."""
        return _moved(*self._written(transfers.start_transfer, step))

    @activity.defn(no_thread_cancel_exception=True)
    def send_migration_link(self, step: Step) -> Moved:
        """Mail the IT department a fresh link."""
        return _moved(*self._written(steps.send_link, step))

    @activity.defn(no_thread_cancel_exception=True)
    def acknowledge_migration(self, step: Step) -> Moved:
        """Record that the data was downloaded."""
        return _moved(*self._written(steps.acknowledge, step))

    @activity.defn(no_thread_cancel_exception=True)
    def complete_migration(self, step: Step) -> Moved:
        """End a migration as completed."""
        return _moved(*self._written(steps.complete, step))

    @activity.defn(no_thread_cancel_exception=True)
    def end_migration(self, ended: MigrationEnd) -> Moved:
        """End a migration as withdrawn or abandoned."""
        return _moved(*self._written(steps.end, ended.step, ended.stage))

    @activity.defn(no_thread_cancel_exception=True)
    def remind_of_migration(self, reminder: MigrationReminder) -> Moved:
        """Remind of a hand-over, or escalate it, once per occasion."""
        return _moved(*self._written(steps.remind, reminder.step, reminder.event, reminder.hand_over))


def _moved(migration: MigrationState, outcome: Recorded) -> Moved:
    return Moved(migration=migration, last_message=outcome.last_message)


def moved(transaction: Transaction, step: Step, migration: MigrationState) -> Moved:
    """Return a migration after a step, with the newest message of its case on each channel."""
    return Moved(migration=migration, last_message=outbox.last_of(transaction.session, step.cancellation))

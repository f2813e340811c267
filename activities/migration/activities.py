"""Activities on the records of on-premises migrations: each is one transaction, and changes nothing when it is run again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from temporalio import activity

from contract.steps import (
    Accepted,
    Corrected,
    MigrationEnd,
    MigrationReminder,
    MigrationState,
    Moved,
    Step,
)
from domain.vocabulary import Channel
from records import outbox
from records.migration import steps as on_premises


class Migrations:
    """The records of migrations. ``channels`` are those that this installation tells on."""

    def __init__(self, engine: Engine, channels: frozenset[Channel]) -> None:
        self._engine = engine
        self._channels = channels

    @property
    def registered(self) -> list[Callable[..., object]]:
        """The activities that a worker runs."""
        return [
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

    @activity.defn
    def request_migration(self, step: Step) -> Moved:
        """Request a migration, or return the one that was requested before; raises NothingToMigrate, MigrationRunning."""
        return self._done(step, lambda session: on_premises.request(session, step, channels=self._channels))

    @activity.defn
    def accept_migration(self, accepted: Accepted) -> Moved:
        """Keep whom to notify, and when to transfer."""
        return self._done(
            accepted.step,
            lambda session: on_premises.accept(
                session,
                accepted.step,
                contact=accepted.contact,
                transfer_at=accepted.transfer_at,
                channels=self._channels,
            ),
        )

    @activity.defn
    def correct_migration(self, corrected: Corrected) -> Moved:
        """Put something right."""
        return self._done(
            corrected.step,
            lambda session: on_premises.correct(session, corrected.step, corrected.correction, channels=self._channels),
        )

    @activity.defn
    def start_transfer(self, step: Step) -> Moved:
        """Begin a transfer."""
        return self._done(step, lambda session: on_premises.start_transfer(session, step))

    @activity.defn
    def send_migration_link(self, step: Step) -> Moved:
        """Mail the IT department a fresh link."""
        return self._done(step, lambda session: on_premises.send_link(session, step, channels=self._channels))

    @activity.defn
    def acknowledge_migration(self, step: Step) -> Moved:
        """Keep that the data was downloaded."""
        return self._done(step, lambda session: on_premises.acknowledge(session, step, channels=self._channels))

    @activity.defn
    def complete_migration(self, step: Step) -> Moved:
        """End a migration as completed."""
        return self._done(step, lambda session: on_premises.complete(session, step, channels=self._channels))

    @activity.defn
    def end_migration(self, ended: MigrationEnd) -> Moved:
        """End a migration as withdrawn or abandoned."""
        return self._done(
            ended.step, lambda session: on_premises.end(session, ended.step, ended.stage, channels=self._channels)
        )

    @activity.defn
    def remind_of_migration(self, reminder: MigrationReminder) -> Moved:
        """Remind of a hand-over, or escalate it, once per occasion."""
        return self._done(
            reminder.step,
            lambda session: on_premises.remind(
                session, reminder.step, reminder.event, reminder.hand_over, channels=self._channels
            ),
        )

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with Session(self._engine, autoflush=False) as session, session.begin():
            yield session

    def _done(self, step: Step, write: Callable[[Session], MigrationState]) -> Moved:
        with self._transaction() as session:
            return moved(session, step, write(session))


def moved(session: Session, step: Step, migration: MigrationState) -> Moved:
    """Return a migration after a step, and how far the record of what to tell goes."""
    session.flush()
    return Moved(migration=migration, last_message=outbox.last_of(session, step.cancellation))

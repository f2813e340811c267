"""The transfer of an organization's data to the secure site: an activity that may be killed at any moment."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import obstore
from sqlalchemy import Engine
from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError

from activities.common.heartbeat import Watch
from activities.common.long_work import DataWork, configured, waiting_for_others
from activities.common.registration import Registered
from activities.migration.activities import moved
from activities.migration.dump import Writer, copy_schema
from activities.migration.pg_dump import DumpFailed, DumpSettings
from contract import WorkQueue
from contract.steps import Moved, Transfer
from domain.vocabulary import Channel
from records.migration import transfers
from records.migration.steps import state_of
from records.migration.transfers import Attempt, Transferred
from storage.objects import Objects, ObjectStoreNotConfigured
from storage.tenants.database import TenantDatabase
from storage.tenants.logins import Tenant
from storage.tenants.refusals import TenantDatabaseNotConfigured

PART_BYTES = 16 * 1024 * 1024
"""The part of an upload that is kept in memory; S3 takes 10,000 parts, so that a dump may have 160 GB."""

PARTS_AT_ONCE = 2

DUMP_FAILED = "dump_failed"
"""The type of the error of a pg_dump that broke off; it is retried."""


def migration_prefix(cancellation: str) -> str:
    """Return the common prefix of the keys of everything that the migration of a cancellation brings to the store."""
    return f"cancellations/{cancellation}/migration/"


class Transfers(DataWork):
    """The activities that bring data to the secure site, and remove it again."""

    def __init__(
        self,
        engine: Engine,
        channels: frozenset[Channel],
        tenants: TenantDatabase | None,
        objects: Objects | None,
        dump: DumpSettings,
    ) -> None:
        super().__init__(engine, channels, tenants, objects)
        self._dump = dump

    @property
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {WorkQueue.LONG: [self.transfer_data, self.discard_transfers]}

    @activity.defn(no_thread_cancel_exception=True)
    def transfer_data(self, transfer: Transfer) -> Moved:
        """Copy the schema as it is now; once an attempt has succeeded, a repetition does nothing.

        Every attempt has a snapshot and a prefix of its own, and first removes the remains of earlier ones, unfinished
        uploads included: a snapshot dies with its session, so that no earlier attempt can be continued.

        Raises:
            ApplicationError: to be retried without end. Its type is the code of the refusal (a role without rights, a
                pg_dump that is too old, a database or a store that is down), or ``dump_failed``.
            CancelledError: the transfer is cancelled; pg_dump has ended, and its output is removed.

        """
        began = time.monotonic()
        with _retried(), self._transaction() as transaction:
            attempt = transfers.begin_attempt(transaction, transfer.step, transfer=transfer.number)
            if attempt is None:
                return moved(transaction, transfer.step, state_of(transaction, transfer.step))
        with _retried():
            transferred = self._copied(transfer.step.cancellation, attempt)
        # By Temporal's clock, which is the workflow's: deadlines are counted from here.
        finished_at = activity.info().started_time + timedelta(seconds=time.monotonic() - began)
        step = transfer.step.model_copy(update={"at": finished_at})
        with self._transaction() as transaction:
            counts = transfers.finish_attempt(
                transaction,
                step,
                transfer=transfer.number,
                attempt=attempt.number,
                transferred=transferred,
            )
            result = moved(transaction, step, state_of(transaction, step))
        if not counts:  # Temporal took this attempt for dead, or the transfer is cancelled
            with _retried():
                self._discard(transferred.prefix)
        return result

    @activity.defn(no_thread_cancel_exception=True)
    def discard_transfers(self, cancellation: str) -> None:
        """Remove everything that was transferred, unfinished uploads included."""
        with _retried():
            self._discard(migration_prefix(cancellation))

    def _discard(self, prefix: str) -> None:
        objects = configured(self._objects, ObjectStoreNotConfigured)
        objects.delete_all(prefix)
        objects.discard_unfinished(prefix)

    def _copied(self, cancellation: str, attempt: Attempt) -> Transferred:
        objects = configured(self._objects, ObjectStoreNotConfigured)
        tenants = configured(self._tenants, TenantDatabaseNotConfigured)
        prefix = f"{migration_prefix(cancellation)}{attempt.number}/"
        watch = Watch()

        @contextmanager
        def open_object(name: str) -> Iterator[Writer]:
            with objects.refusing(f"{prefix}{name}"):
                writer = obstore.open_writer(
                    objects.store, f"{prefix}{name}", buffer_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
                )
                yield writer
                # After an error it stays an unfinished upload: no object, and the next attempt removes it.
                watch.check()
                writer.close()

        with tenants.working_for(attempt.organization), watch.watching():
            self._discard(migration_prefix(cancellation))
            try:
                manifest = copy_schema(
                    tenants,
                    Tenant(attempt.organization, attempt.schema_name),
                    open_object,
                    reviewed=self._reviewed_code(),
                    program=self._dump.program,
                    cancellation=cancellation,
                    attempt=attempt.number,
                    watch=watch,
                )
            except CancelledError:
                self._discard(prefix)
                raise
        return Transferred(
            prefix=prefix,
            tables=len(manifest.tables),
            rows=manifest.rows,
            bytes=manifest.bytes,
            sha256=manifest.sha256,
        )


@contextmanager
def _retried() -> Iterator[None]:
    """Have every refusal retried: others grant rights, install programs and free space; the request stays."""
    try:
        with waiting_for_others():
            yield
    except DumpFailed as failure:
        raise ApplicationError(f"{failure}. The transfer starts again by itself.", type=DUMP_FAILED) from None

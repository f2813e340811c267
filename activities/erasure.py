"""The erasure of an organization's data and of every copy, in small steps, each recorded on the certificate."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import psycopg
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.common.heartbeat import Watch
from activities.common.long_work import DataWork, configured, waiting_for_others
from activities.common.records import recorded
from activities.common.registration import Registered
from contract import WorkQueue
from contract.steps import Erased, Recorded, Step
from records import erasure as erasures
from records.erasure import ErasedThing, ErasureBlocked
from records.export import objects_prefix
from storage.objects import ObjectStoreNotConfigured
from storage.tenants.erasure import ErasedStep, erase_step
from storage.tenants.logins import Tenant
from storage.tenants.refusals import TenantDatabaseNotConfigured

OBJECTS_IN_A_STEP = 100

STORE_COMPACTS = "store_compacts"


class DataKept(Exception):  # noqa: N818 - an end, not a fault
    """The end of an erasure of data that has a use again: what is left of it stays."""


class Eraser(DataWork):
    """The activities of an erasure."""

    @property
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {WorkQueue.LONG: [self.erase_data, self.discard_copies]}

    @activity.defn(no_thread_cancel_exception=True)
    def erase_data(self, step: Step) -> Erased:
        """Erase every copy of a closed case and the organization's data, or return the obstacle to it.

        A legal hold that is placed meanwhile stops it between two steps, and so does whatever has a use for the data again: then
        what is left of it stays, and the certificate says why. Run again, it continues with what is left.

        Raises:
            ApplicationError: to be retried (`activities.common.retries.LONG_WORK_RETRY`).

        """
        try:
            with self._transaction() as transaction:
                plan = erasures.begin_erasure(transaction, step)
            tenant = Tenant(plan.organization, plan.data_schema) if plan.data_schema is not None else None
            watch = Watch()
            with suppress(DataKept), waiting_for_others(), self._place_for(tenant), watch.watching():
                self._erase_objects(step.cancellation, watch)
                if tenant is not None:
                    self._erase_schema(step.cancellation, tenant, watch, continued=plan.continued)
            self._await_compaction(step.cancellation)
        except ErasureBlocked as blocked:
            with self._transaction() as transaction:
                return Erased(waits_for=blocked.obstacle, **dict(recorded(transaction, step)))
        certificate, outcome = self._written(erasures.finish_erasure, step, at=datetime.now(UTC))
        return Erased(certificate=certificate, **dict(outcome))

    @activity.defn(no_thread_cancel_exception=True)
    def discard_copies(self, step: Step) -> Recorded:
        """Remove the copies made for a cancellation that does not happen."""
        removed, watch = 0, Watch()
        with waiting_for_others(), watch.watching():
            if self._objects is not None:
                prefix = objects_prefix(step.cancellation)
                removed = self._objects.delete_all(prefix, on_batch=lambda _: watch.progress()).objects
                self._objects.discard_unfinished(prefix)
        return self._recorded(erasures.record_discarded, step, objects=removed, at=datetime.now(UTC))

    def _erase_objects(self, cancellation: str, watch: Watch) -> None:
        objects = configured(self._objects, ObjectStoreNotConfigured)
        prefix = objects_prefix(cancellation)
        found_all = objects.list(prefix)
        while batch := list(islice(found_all, OBJECTS_IN_A_STEP)):
            watch.progress(f"{len(batch)} objects")
            with self._step(cancellation):
                self._record_things(
                    cancellation,
                    *(
                        ErasedThing(kind="object", name=found.key.removeprefix(prefix), bytes=found.size)
                        for found in batch
                    ),
                )
                objects.delete([found.key for found in batch])
        with self._step(cancellation):
            unfinished = {key.removeprefix(prefix) for key in objects.unfinished(prefix)}
            self._record_things(
                cancellation, *(ErasedThing(kind=erasures.UPLOAD, name=name) for name in sorted(unfinished))
            )
            objects.discard_unfinished(prefix)

    def _await_compaction(self, cancellation: str) -> None:
        """Have the activity repeated when the store has compacted its files, if it promises to; then record that."""
        within = self._objects.compacted_within if self._objects else None
        if within is None:
            return
        with self._transaction() as transaction:
            # What was recorded and not confirmed, because the worker died in between, is gone by now.
            erasures.confirm(transaction, cancellation, at=datetime.now(UTC))
            removed_at = erasures.last_object_removed(transaction.session, cancellation)
        if removed_at is None:
            return
        left = removed_at + within - datetime.now(UTC)
        if left > timedelta(0):
            raise ApplicationError(
                f"All objects are removed; {within} after that nothing is left of them on the disks of the store.",
                type=STORE_COMPACTS,
                next_retry_delay=left,
            )
        self._record_things(cancellation, ErasedThing(kind=erasures.COMPACTION, name="object store"))

    def _place_for(self, tenant: Tenant | None) -> AbstractContextManager[None]:
        if tenant is None:
            return nullcontext()
        return configured(self._tenants, TenantDatabaseNotConfigured).working_for(tenant.organization)

    def _erase_schema(self, cancellation: str, tenant: Tenant, watch: Watch, *, continued: bool) -> None:
        tenants = configured(self._tenants, TenantDatabaseNotConfigured)
        reviewed = None if continued else self._reviewed_code()
        with tenants.erasing(tenant, reviewed=reviewed, stopped_by=watch.stopped_by) as connection:
            while gone := self._erase_next(cancellation, connection, tenant.schema):
                watch.progress(f"{gone.kind} {gone.name}")
        tenants.refuse_unless_gone(tenant)

    def _erase_next(self, cancellation: str, connection: psycopg.Connection[Any], schema: str) -> ErasedStep | None:
        with ExitStack() as step:

            def record(doomed: ErasedStep) -> None:
                # Only now is the case locked: to lock and count a table may take as long as an organization likes.
                step.enter_context(self._step(cancellation, of_schema=True))
                self._record_things(
                    cancellation,
                    ErasedThing(kind=doomed.kind, name=doomed.name, rows=doomed.rows, bytes=doomed.bytes),
                )

            return erase_step(connection, schema, before=record)

    @contextmanager
    def _step(self, cancellation: str, *, of_schema: bool = False) -> Iterator[None]:
        """Run one erasing step in the block; what is to stop it, placed or added at the same time, does so before or after it.

        A legal hold stops every step, one ``of_schema`` also what has a use for the organization's own data. Raises DataKept.
        """
        with self._transaction() as transaction:
            if of_schema:
                kept = erasures.keeps_data(transaction, cancellation)
            else:
                kept = False
                erasures.refuse_when_blocked(transaction, cancellation)
            if not kept:
                yield
                erasures.confirm(transaction, cancellation, at=datetime.now(UTC))
        if kept:  # after the transaction, which has recorded why
            raise DataKept

    def _record_things(self, cancellation: str, *things: ErasedThing) -> None:
        """Record things to be removed, in a transaction of its own, so that a crash after their removal loses no record."""
        with self._transaction() as transaction:
            erasures.record_things(transaction, cancellation, things, at=datetime.now(UTC))

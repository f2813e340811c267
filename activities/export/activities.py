"""The activities of an export: an organization's data to the object store, and its records (rules, section 10)."""

from datetime import UTC, datetime

from temporalio import activity

from activities.common.heartbeat import Watch, WorkCancelled
from activities.common.long_work import DataWork, configured, waiting_for_others
from activities.common.records import recorded
from activities.common.registration import Registered
from activities.export import export_schema
from contract import WorkQueue
from contract.steps import Recorded, Step
from records import export as exports
from records.export import AttemptSuperseded, ExportAttempt, ExportSummary
from storage.objects import ObjectStoreNotConfigured
from storage.tenants.logins import Tenant
from storage.tenants.refusals import TenantDatabaseNotConfigured


class Exporter(DataWork):
    """The activities of an export."""

    @property
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {
            WorkQueue.LONG: [self.export_data],
            WorkQueue.RECORDS: [self.acknowledge_export, self.renew_export_link, self.remind_of_export],
        }

    @activity.defn(no_thread_cancel_exception=True)
    def export_data(self, step: Step) -> Recorded:
        """Write every table to the store, from one snapshot, and notify that it can be downloaded.

        An attempt has one snapshot, and dies with it: the next one removes the remains and starts again in a place of its
        own. Run again after the end, it changes nothing. Refusals of the store or the tenants' database are retried.

        Raises:
            ApplicationError: to be retried (`activities.common.retries.LONG_WORK_RETRY`).

        """
        with self._refusing(step), self._transaction() as transaction:
            attempt = exports.begin_export(transaction, step)
        if isinstance(attempt, ExportAttempt):
            with waiting_for_others():
                self._export(attempt, step)
        with self._transaction() as transaction:
            return recorded(transaction, step)

    def _export(self, attempt: ExportAttempt, step: Step) -> None:
        tenants = configured(self._tenants, TenantDatabaseNotConfigured)
        objects = configured(self._objects, ObjectStoreNotConfigured)
        tenant, watch = Tenant(attempt.organization, attempt.data_schema), Watch()
        with tenants.working_for(attempt.organization):
            try:
                with watch.watching():
                    objects.discard_unfinished(attempt.prefix_of_all)
                    objects.delete_all(attempt.prefix_of_all, on_batch=lambda _: watch.progress())
                    reviewed = self._reviewed_code()
                    with (
                        tenants.reading(tenant, reviewed=reviewed, stopped_by=watch.stopped_by) as connection,
                        objects.refusing(),
                    ):
                        manifest = export_schema(
                            connection, tenant.schema, objects.store, attempt.prefix, progress=watch.progress
                        )
                summary = ExportSummary(
                    prefix=attempt.prefix,
                    manifest_sha256=manifest.sha256,
                    tables=len(manifest.tables),
                    rows=manifest.rows,
                    bytes=manifest.bytes,
                    warnings=len(manifest.warnings),
                )
                with self._transaction() as transaction:
                    exports.finish_export(transaction, step, attempt.number, summary, at=datetime.now(UTC))
            except (WorkCancelled, AttemptSuperseded):
                objects.delete_all(attempt.prefix)
                raise

    @activity.defn(no_thread_cancel_exception=True)
    def acknowledge_export(self, step: Step) -> Recorded:
        """Record that the export was downloaded."""
        return self._recorded(exports.acknowledge, step)

    @activity.defn(no_thread_cancel_exception=True)
    def renew_export_link(self, step: Step) -> Recorded:
        """Record that a fresh link is to be mailed."""
        return self._recorded(exports.renew_link, step)

    @activity.defn(no_thread_cancel_exception=True)
    def remind_of_export(self, step: Step) -> Recorded:
        """Remind of an export that has not been downloaded."""
        return self._recorded(exports.remind_of_export, step)

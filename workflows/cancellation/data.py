"""What others ask about the organization's data: updates and a signal of a cancellation (rules, sections 8 and 10)."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.export.activities import Exporter
    from contract.steps import Step
    from domain.export.requests import ExportErased, ExportOfAnotherCase, NoExport

# Our own workflow code is loaded anew for every workflow, under the sandbox's eyes; that is meant, so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.cancellation.requests import CancellationRequests
    from workflows.common.steps import recorded


class DataRequests(CancellationRequests):
    """The requests about an export, and the news that may let an erasure begin."""

    @workflow.update(name=contract.UPDATE_ACKNOWLEDGE_EXPORT)
    async def acknowledge_export(self, *received: Any) -> contract.CancellationStatus:
        """Take note that the export was downloaded; said again, it changes nothing."""

        async def take(message: contract.AcknowledgeExport, step: Step) -> None:
            self._check_export(message.export)
            await recorded(Exporter.acknowledge_export, step, summary="keep that the export was downloaded")
            self.case.export = contract.ExportStatus.ACKNOWLEDGED
            self._erasable_again = True

        return await self._answer_to(received, contract.AcknowledgeExport, "acknowledge_export", take)

    @workflow.update(name=contract.UPDATE_RENEW_EXPORT_LINK)
    async def renew_export_link(self, *received: Any) -> contract.CancellationStatus:
        """Mail a fresh link to the billing administrator on record."""

        async def renew(message: contract.RenewExportLink, step: Step) -> None:
            self._check_export(message.export)
            told = await recorded(Exporter.renew_export_link, step, summary="mail a fresh link to the export")
            self._teller.note(told.last_message)

        return await self._answer_to(received, contract.RenewExportLink, "renew_export_link", renew)

    @workflow.signal(name=contract.SIGNAL_HOLDS_CHANGED)
    def holds_changed(self, *_: Any) -> None:
        """Look again whether the data may be erased."""
        self._erasable_again = True

    def _check_export(self, named: str) -> None:
        """Raise unless the request is about this case and its export is there to be downloaded."""
        if named != self.case.id:
            raise ExportOfAnotherCase(self.case.id, named)
        if self.case.export is contract.ExportStatus.ERASED:
            raise ExportErased(self.case.id)
        if self.case.export not in (contract.ExportStatus.READY, contract.ExportStatus.ACKNOWLEDGED):
            raise NoExport(self.case.id)

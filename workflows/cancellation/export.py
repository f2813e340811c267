"""The export of the organization's data in its cancellation (rules, sections 8 and 10)."""

from temporalio import workflow

from workflows.cancellation.owner import CancellationOwner
from workflows.common.steps import long_work, result_of

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.export.activities import Exporter
    from contract.steps import Recorded, Step
    from domain.export.requests import ExportErased, ExportOfAnotherCase, NoExport
    from domain.vocabulary import DataChoice, Stage


FINISHED = (contract.ExportStatus.READY, contract.ExportStatus.ACKNOWLEDGED)


class DataExport:
    """The collaborator that has the data exported, and handles the requests about the export."""

    def __init__(self, owner: CancellationOwner) -> None:
        self._owner = owner

    async def finished(self) -> bool:
        """Export the organization's data where that is requested; return False on withdrawal."""
        owner, case = self._owner, self._owner.case
        if case.checklist.data is not DataChoice.EXPORT or case.export in FINISHED:
            return True
        case.export, case.copies_made = contract.ExportStatus.RUNNING, True
        case.enter(Stage.PREPARING)
        export = long_work(
            Exporter.export_data,
            owner.step("export", owner.requester),
            summary="export the data",
            when_cancelled=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        try:
            await owner.sleep(lambda: export.done() or owner.is_withdrawn, None, "")
        except workflow.ContinueAsNewError:
            await self._cancelled(export)
            await owner.until(lambda: owner.is_withdrawn)  # which a request may have asked for meanwhile
            return False
        if not export.done():
            await self._cancelled(export)
            return False
        owner.notify(await owner.taken(result_of(export)))
        if case.export not in FINISHED:  # a history of a version whose record did not say so
            case.export = contract.ExportStatus.READY
        return True

    @staticmethod
    async def _cancelled(export: workflow.ActivityHandle[Recorded]) -> None:
        export.cancel()
        await workflow.wait([export])

    async def acknowledge(self, message: contract.AcknowledgeExport, step: Step) -> None:
        """Record that the export was downloaded; repeated, it changes nothing."""
        self.check(message.export)
        await self._owner.record(Exporter.acknowledge_export, step, summary="keep that the export was downloaded")
        self._owner.case.export = contract.ExportStatus.ACKNOWLEDGED

    async def renew_link(self, message: contract.RenewExportLink, step: Step) -> None:
        """Mail a fresh link to the billing administrator on record."""
        self.check(message.export)
        await self._owner.record(Exporter.renew_export_link, step, summary="mail a fresh link to the export")

    def check(self, named: str) -> None:
        """Raise unless the request is about this case and its export can be downloaded."""
        case = self._owner.case
        if named != case.id:
            raise ExportOfAnotherCase(case.id, named)
        if case.export is contract.ExportStatus.ERASED:
            raise ExportErased(case.id)
        if case.export not in FINISHED:
            raise NoExport(case.id)

"""The erasure of the organization's data at the end of its cancellation, and of the copies that were made for it."""

from datetime import timedelta
from itertools import count

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.erasure import Eraser
    from activities.export.activities import Exporter
    from contract.steps import Obstacle

# Our own workflow code is loaded anew for every workflow, under the sandbox's eyes; that is meant, so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.cancellation.owner import CancellationOwner
    from workflows.common.steps import long_work

LONGEST_LOOK_AWAY = timedelta(days=90)
"""How often at least to look whether data may be erased now: a signal that says so could be lost."""


class DataErasure:
    """The collaborator that erases data, as soon as nothing stands against it."""

    def __init__(self, owner: CancellationOwner) -> None:
        self._owner = owner
        self._look_again = False

    def look_again(self) -> None:
        """Look again whether the data may be erased: something changed that may have stood against it."""
        self._look_again = True

    async def copies_removed(self) -> None:
        """Remove what was copied for a cancellation that does not happen: the original is in use."""
        case = self._owner.case
        if case.copies_made:
            await long_work(Eraser.discard_copies, self._owner.step("discard"), summary="remove the copies of the data")
            self._export_erased()

    async def data_erased(self) -> None:
        """Erase the data as soon as nothing stands against it, reminding of an export that nobody has downloaded yet."""
        owner, case = self._owner, self._owner.case
        for attempt in count(1):
            self._look_again = False
            erased = await long_work(Eraser.erase_data, owner.step("erase"), summary="erase the data")
            owner.notify(erased)
            case.erasure_waits_for = erased.waits_for
            if erased.certificate is not None:
                case.erased_at = erased.certificate.finished_at
                self._export_erased()
                return
            patience = min(case.policy.acknowledgement_reminder * attempt, LONGEST_LOOK_AWAY)
            look_again_at = workflow.now() + patience
            if await owner.sleep(lambda: self._look_again, look_again_at, "look again whether to erase"):
                continue
            if erased.waits_for == Obstacle.ACKNOWLEDGEMENT:
                step = owner.step(f"export-reminder-{attempt}")
                await owner.record(Exporter.remind_of_export, step, summary="remind of the export")

    def _export_erased(self) -> None:
        case = self._owner.case
        case.export = contract.ExportStatus.ERASED if case.export else None

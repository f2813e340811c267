"""The erasure of the organization's data at the end of its cancellation, and of the copies made for it."""

from datetime import timedelta
from itertools import count

from temporalio import workflow

from workflows.cancellation.owner import CancellationOwner
from workflows.common.steps import long_work

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.erasure import Eraser
    from activities.export.activities import Exporter
    from contract.steps import Obstacle
    from domain.civil_dates import day_text


LONGEST_RECHECK = timedelta(days=90)
"""The longest interval between checks whether data may be erased: the signal of a change could be lost."""


class DataErasure:
    """The collaborator that erases data as soon as there is no obstacle."""

    def __init__(self, owner: CancellationOwner) -> None:
        self._owner = owner
        self._look_again = False

    def look_again(self) -> None:
        """Have the obstacles to the erasure checked again after a change that may have removed one."""
        self._look_again = True

    async def copies_removed(self) -> None:
        """Remove the copies made for a cancellation that does not happen: the original is in use."""
        case = self._owner.case
        if case.copies_made:
            await long_work(Eraser.discard_copies, self._owner.step("discard"), summary="remove the copies of the data")
            self._export_erased()

    async def data_erased(self) -> None:
        """Erase the data as soon as there is no obstacle, reminding of an export that is not yet downloaded."""
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
            patience = min(case.policy.acknowledgement_reminder * attempt, LONGEST_RECHECK)
            look_again_at = workflow.now() + patience
            if await owner.sleep(lambda: self._look_again, look_again_at, "look again whether to erase"):
                continue
            if erased.waits_for == Obstacle.ACKNOWLEDGEMENT:
                step = owner.step(f"export-reminder-{day_text(case.today())}")
                await owner.record(Exporter.remind_of_export, step, summary="remind of the export")

    def _export_erased(self) -> None:
        case = self._owner.case
        case.export = contract.ExportStatus.ERASED if case.export else None

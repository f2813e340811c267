"""The requests and notices that only the cancellation of a whole subscription takes, and its work beside the story."""

from collections.abc import Sequence
from typing import Any

from temporalio import workflow

from workflows.cancellation.campaigns import CampaignStops
from workflows.cancellation.erasure import DataErasure
from workflows.cancellation.export import DataExport
from workflows.cancellation.migration import DataMigration
from workflows.cancellation.state import Case
from workflows.cancellation.story import CancellationStory
from workflows.cancellation.system_tasks import SystemTaskStart
from workflows.common.case_requests import lawful
from workflows.common.reading import read_clean
from workflows.common.steps import RefusedStep, recorded

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.cancellation import Records
    from contract.steps import Step


class SubscriptionRequests(CancellationStory[Case, contract.CancellationStatus]):
    """The part of the chain with the data, the campaigns and the migration of a subscription that ends."""

    def __init__(self) -> None:
        super().__init__()
        self._export = DataExport(self)
        self._erasure = DataErasure(self)
        self._campaigns = CampaignStops(self, self._ad_centre)
        self._migration = DataMigration(self)
        self._systems = SystemTaskStart(self)

    @workflow.update(name=contract.UPDATE_CONSENT)
    async def consent(self, *received: Any) -> contract.CancellationStatus:
        """Record the answer of the marketing service's own administrator: agreed or declined."""
        return await self._answer_to(received, contract.GiveConsent, "consent", self._campaigns.take_consent)

    consent.validator(lawful(contract.GiveConsent, "consent", lambda self, _: self._campaigns.check_consent_awaited()))

    @workflow.update(name=contract.UPDATE_ACKNOWLEDGE_EXPORT)
    async def acknowledge_export(self, *received: Any) -> contract.CancellationStatus:
        """Record that the export was downloaded; repeated, it changes nothing."""

        async def take(message: contract.AcknowledgeExport, step: Step) -> None:
            await self._export.acknowledge(message, step)
            self._erasure.look_again()

        return await self._answer_to(received, contract.AcknowledgeExport, "acknowledge_export", take)

    acknowledge_export.validator(
        lawful(contract.AcknowledgeExport, "acknowledge_export", lambda self, named: self._export.check(named.export))
    )

    @workflow.update(name=contract.UPDATE_RENEW_EXPORT_LINK)
    async def renew_export_link(self, *received: Any) -> contract.CancellationStatus:
        """Mail a fresh link to the billing administrator on record."""
        return await self._answer_to(received, contract.RenewExportLink, "renew_export_link", self._export.renew_link)

    renew_export_link.validator(
        lawful(contract.RenewExportLink, "renew_export_link", lambda self, named: self._export.check(named.export))
    )

    @workflow.signal(name=contract.SIGNAL_HOLDS_CHANGED)
    def holds_changed(self, *_: Any) -> None:
        """Have the obstacles to the erasure checked again."""
        self.look_at_length()
        self._erasure.look_again()

    @workflow.signal(name=contract.SIGNAL_MIGRATION_MOVED)
    def migration_moved(self, *received: Any) -> None:
        """Show the state of the migration that this case waits for."""
        self.look_at_length()
        if self._case is not None:
            self._migration.take_move(received)

    @workflow.signal(name=contract.SIGNAL_LINE_TAKEN_OVER)
    async def line_taken_over(self, *_: Any) -> None:
        """Read the lines of the case from its record, to which one more was added, and deliver what was told of that."""
        self.look_at_length()
        await self._opened()
        try:
            opened = await recorded(Records.open_case, self._opening, summary="read the lines of the case")
        except RefusedStep as refused:
            workflow.logger.error("a line that was taken over is not shown before the next step: %s", refused.message)
            return
        self.adopt(opened.case.record)
        if not self.case.is_overtaken:  # else the story takes it up: the case was taken back to its preparation
            self.case.quote = opened.case.quote
            self._open_billing.take_up(opened.case.billing)
        self.notify(opened)
        self.publish()

    def _is_idle(self) -> bool:
        is_exporting = self.case.export is contract.ExportStatus.RUNNING and not self.interrupts_long_work
        return super()._is_idle() and not is_exporting

    def _read_start(self, received: Sequence[Any]) -> contract.StartCancellation:
        return read_clean(received, contract.StartCancellation)

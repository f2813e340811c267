"""What workflows that stop campaigns share: the ad centre acknowledges, and is asked again until it has."""

import asyncio
from datetime import timedelta
from itertools import count
from typing import Any, Generic, Protocol, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.marketing import MarketingRecords
    from contract.steps import AdCentreReminder, CampaignStop, Step, StopAcknowledged, StopRecorded
    from domain.policy import CancellationPolicy

# Our own workflow code is loaded anew for every workflow, under the sandbox's eyes; that is meant, so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.common.case_workflow import CarriedCase, CaseCarrier, Shown_co, Status
    from workflows.common.steps import recorded

LONGEST_PATIENCE = timedelta(days=30)
"""How long at most until the ad centre is asked again: a case that lasts for years must not fill its history with it."""


class StoppingCase(CarriedCase[Shown_co], Protocol[Shown_co]):
    """The state of a case that stops campaigns."""

    stop: CampaignStop | None

    @property
    def policy(self) -> CancellationPolicy: ...  # noqa: D102
    @property
    def is_over(self) -> bool: ...  # noqa: D102


Stopping = TypeVar("Stopping", bound=StoppingCase[Any])


class AdCentre(CaseCarrier[Stopping, Status], Generic[Stopping, Status]):
    """The acknowledgements of the ad centre, and the reminders that it gets."""

    def __init__(self) -> None:
        super().__init__()
        self._reminding: asyncio.Task[None] | None = None

    @workflow.update(name=contract.ACKNOWLEDGE_STOP)
    async def acknowledge_stop(self, *received: Any) -> Status:
        """Take the ad centre's word that a campaign is stopped, for callers who need the outcome."""
        return await self._answer_to(received, contract.AcknowledgeStop, "acknowledge_stop", self._take_acknowledgement)

    @workflow.signal(name=contract.ACKNOWLEDGE_STOP)
    async def acknowledge_stop_signal(self, *received: Any) -> None:
        """Take the same from systems that fire and forget; a refusal is audited."""
        try:
            await self._answer_to(received, contract.AcknowledgeStop, "acknowledge_stop", self._take_acknowledgement)
        except ApplicationError as refused:
            workflow.logger.info("acknowledgement by signal refused: %s", refused.type)

    async def _take_acknowledgement(self, message: contract.AcknowledgeStop, step: Step) -> None:
        acknowledged = StopAcknowledged(step=step, campaign=message.campaign)
        summary = f"the ad centre has stopped {message.campaign}"
        self._take_stop(await recorded(MarketingRecords.acknowledge_stop, acknowledged, summary=summary))

    def _take_stop(self, told: StopRecorded) -> None:
        """Take how it stands; what was acknowledged once stays so, in whatever order the answers come back."""
        before = self.case.stop
        outstanding = tuple(
            campaign for campaign in told.stop.outstanding if before is None or campaign in before.outstanding
        )
        self.case.stop = told.stop.model_copy(update={"outstanding": outstanding})
        self._teller.note(told.last_message)

    def _all_stopped(self) -> bool:
        return self.case.stop is None or not self.case.stop.outstanding

    def _start_reminding(self) -> None:
        """Remind the ad centre beside the story."""
        if not self._all_stopped():
            self._reminding = asyncio.create_task(self._remind_ad_centre())

    async def _reminding_over(self) -> None:
        if self._reminding is not None:
            await self._reminding

    async def _remind_ad_centre(self) -> None:
        """Ask the ad centre again, at growing intervals, until everything is stopped or the case is over."""
        patience = self.case.policy.ad_centre_reminder
        for number in count(1):
            try:
                await workflow.wait_condition(
                    lambda: self._all_stopped() or self.case.is_over,
                    timeout=patience,
                    timeout_summary="ask the ad centre again",
                )
            except TimeoutError:
                reminder = AdCentreReminder(step=self._step(f"ad-centre-reminder-{number}"), number=number)
                summary = f"ask the ad centre again ({number})"
                self._take_stop(await recorded(MarketingRecords.remind_ad_centre, reminder, summary=summary))
                patience = min(2 * patience, LONGEST_PATIENCE)
            if self._all_stopped() or self.case.is_over:
                return

"""The ad centre: its acknowledgements of stopped campaigns, and reminders until they are complete."""

import asyncio
from datetime import timedelta
from itertools import count
from typing import Any

from temporalio import workflow

from workflows.common.case_state import CancellationState
from workflows.common.owner import CaseOwner
from workflows.common.steps import RefusedStep

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.marketing import MarketingRecords
    from contract.readable import Readable
    from contract.steps import AdCentreReminder, CampaignStop, Step, StopAcknowledged, StopRecorded


LONGEST_PATIENCE = timedelta(days=30)
"""The longest interval between requests to the ad centre: a case of years may have few of them in its history."""


class AdCentre:
    """The collaborator for the ad centre: it takes acknowledgements, and repeats requests."""

    def __init__(self, owner: CaseOwner[CancellationState[Any, Any]]) -> None:
        self._owner = owner
        self._reminding: asyncio.Task[None] | None = None
        self.is_recording = False
        """True while a reminder is being recorded."""

    @property
    def has_stopped_all(self) -> bool:
        """True if no acknowledgement is outstanding."""
        stop = self._owner.case.stop
        return stop is None or not stop.outstanding

    async def acknowledge(self, message: contract.AcknowledgeStop, step: Step) -> None:
        """Record the ad centre's acknowledgement that a campaign is stopped."""
        acknowledged = StopAcknowledged(step=step, campaign=message.campaign)
        summary = f"the ad centre has stopped {message.campaign}"
        self.take(await self._owner.record(MarketingRecords.acknowledge_stop, acknowledged, summary=summary))

    def take(self, recorded: StopRecorded) -> None:
        """Adopt the recorded state; an acknowledged campaign stays so, in whatever order the results arrive."""
        case = self._owner.case
        before = case.stop
        outstanding = tuple(
            campaign for campaign in recorded.stop.outstanding if before is None or campaign in before.outstanding
        )
        case.stop = recorded.stop.model_copy(update={"outstanding": outstanding})

    def take_up(self, stop: CampaignStop) -> None:
        """Adopt the recorded state of stops that were requested before, and remind of those that are outstanding."""
        self._owner.case.stop = stop
        self.start_reminding()

    def start_reminding(self) -> None:
        """Start to remind the ad centre beside the story."""
        if not self.has_stopped_all and (self._reminding is None or self._reminding.done()):
            self._reminding = asyncio.create_task(self.remind())

    async def reminding_over(self) -> None:
        """Wait for the end of the reminders beside the story."""
        if self._reminding is not None:
            await self._reminding

    async def remind(self) -> None:
        """Ask the ad centre again, at growing intervals, until everything is stopped or the case is over.

        Ends early, too, when the workflow continues as new: the next run begins anew to remind.
        """
        patience = self._owner.case.policy.ad_centre_reminder
        for number in count(1):
            try:
                await workflow.wait_condition(
                    lambda: self._is_over() or self._owner.continues_as_new,
                    timeout=patience,
                    timeout_summary=Readable("ask the ad centre again"),
                )
            except TimeoutError:
                self.is_recording = True
                # By its instant, because the next run counts from one again.
                step = self._owner.step(f"ad-centre-reminder-{int(workflow.now().timestamp())}")
                reminder = AdCentreReminder(step=step, number=number)
                summary = f"ask the ad centre again ({number})"
                try:
                    self.take(await self._owner.record(MarketingRecords.remind_ad_centre, reminder, summary=summary))
                except RefusedStep as refused:
                    workflow.logger.error("the ad centre is not asked again before the next time: %s", refused.message)
                self.is_recording = False
                patience = min(2 * patience, LONGEST_PATIENCE)
                self._owner.look_at_length()
            if self._is_over() or self._owner.continues_as_new:
                return

    def _is_over(self) -> bool:
        return self.has_stopped_all or bool(self._owner.case.stage.is_final)

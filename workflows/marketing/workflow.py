"""The `MarketingServiceCancellation` workflow: a marketing service cancelled alone, by its own billing administrator."""

from collections.abc import Sequence
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.marketing import MarketingRecords
    from contract.steps import OpenMarketingRequest
    from domain.cancellation.lifecycle import AlreadyVerified, CancellationStillTelling, InputMalformed
    from domain.marketing import (
        MarketingCancellationEnded,
        MarketingServiceCanceled,
        MarketingStage,
        MarketingWorkflowIdMismatch,
    )
    from domain.refusals import Refusal
    from domain.vocabulary import Verification
    from runtime.refusals import as_application_error

# Our own workflow code is loaded anew for every workflow, under the sandbox's eyes; that is meant, so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.common.ad_centre import AdCentre
    from workflows.common.notifier import Teller
    from workflows.common.steps import recorded
    from workflows.marketing.state import MarketingCase


@workflow.defn(name=contract.MARKETING_SERVICE_CANCELLATION)
class MarketingServiceCancellation(AdCentre[MarketingCase, contract.MarketingCancellationStatus]):
    """Cancels a marketing service for ever. ``run`` is the story."""

    def __init__(self) -> None:
        super().__init__()
        self._requester = ""

    @workflow.run
    async def run(self, *received: Any) -> contract.MarketingCancellationStatus:
        """Carry the cancellation until the ad centre has stopped everything, and return how it ended."""
        await self._receive(received)
        if not await self._administrator_verified():
            return await self._ended()
        await self._cancel_service()
        await self._remind_ad_centre()
        await self._complete()
        return await self._ended()

    @workflow.update(name=contract.UPDATE_RECEIVE)
    async def receive(self, *received: Any) -> contract.MarketingCancellationStatus:
        """Return the status once the case is open: the one just started, or the one that was running already."""
        await self._opened()
        if self.case.stage.is_final and not self._is_own_start(received):
            if self.case.stage is MarketingStage.CANCELED:
                raise as_application_error(MarketingServiceCanceled(self.case.opened.organization))
            raise as_application_error(CancellationStillTelling(self.case.id, self.case.stage))
        return self._status()

    async def _receive(self, received: Sequence[Any]) -> None:
        """Open the case, or end with the reason why there is none."""
        try:
            start = contract.read(received, contract.StartMarketingCancellation)
            expected_id = contract.marketing_workflow_id(start.organization)
            if workflow.info().workflow_id != expected_id:
                raise MarketingWorkflowIdMismatch(workflow.info().workflow_id, expected_id)
            opened = await recorded(
                MarketingRecords.open_marketing_case,
                OpenMarketingRequest(
                    workflow_id=expected_id,
                    organization=start.organization,
                    request_id=f"{expected_id}:{start.request_id or workflow.uuid4()}",
                    actor=start.actor,
                    at=workflow.now(),
                    administrator=start.administrator,
                    campaign_actions=start.campaign_actions,
                    attested_because=start.attestation.reason if start.attestation else None,
                    reason=start.reason,
                ),
                summary="open the case",
            )
        except Refusal as refusal:
            self._refused_to_open = refusal.details
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise as_application_error(refusal) from None
        self._requester = start.actor
        self._teller = Teller(opened.case.cancellation, delivered=self._show)
        self._case = MarketingCase(
            opened=opened.case, request_id=start.request_id, verification=opened.case.verification
        )
        self._teller.note(opened.last_message)

    async def _administrator_verified(self) -> bool:
        """Wait for the verification; abandon the case, and return False, when it does not come in time."""
        await self._wait(
            lambda: self.case.verification is not None,
            until=self.case.opened.received_at + self.case.policy.intake_timeout,
            what="time limit of the verification",
        )
        # A verification that arrived before the limit holds the lock: it was first.
        async with self._verification_lock:
            if self.case.verification is not None:
                return True
            step = self._step("abandoned", why="the billing administrator was not verified in time")
            told = await recorded(MarketingRecords.abandon_marketing_case, step, summary="close the unverified case")
            self.case.stage = MarketingStage.ABANDONED
            self._teller.note(told.last_message)
            return False

    async def _cancel_service(self) -> None:
        """Cancel the service for ever, and have everything stopped that runs."""
        step = self._step("canceled", self._requester)
        told = await recorded(
            MarketingRecords.cancel_marketing_service, step, summary="cancel the marketing service, stop its campaigns"
        )
        self.case.stage, self.case.stage_deadline = MarketingStage.STOPPING, None
        self._take_stop(told)
        if not self._all_stopped():
            self._publish()

    async def _complete(self) -> None:
        step = self._step("completed")
        told = await recorded(MarketingRecords.complete_marketing_case, step, summary="close the case")
        self.case.stage = MarketingStage.CANCELED
        self._teller.note(told.last_message)

    async def _ended(self) -> contract.MarketingCancellationStatus:
        self.case.stage_deadline = None
        self._publish()
        await self._teller.finished()
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._publish()
        return self._status()

    def _is_own_start(self, received: Sequence[Any]) -> bool:
        try:
            return contract.read(received, contract.StartMarketingCancellation).request_id == self.case.request_id
        except InputMalformed:
            return False

    @property
    def _subscription(self) -> str | None:
        return None

    @property
    def _verified_how(self) -> Verification | None:
        return self.case.verification

    def _take_verification(self, how: Verification) -> None:
        self.case.verification = how

    def _check_verification_awaited(self) -> None:
        if self.case.stage.is_final:
            raise MarketingCancellationEnded(self.case.id, self.case.stage)
        if self.case.verification is not None:
            raise AlreadyVerified(self.case.id)


WORKFLOWS = (MarketingServiceCancellation,)

"""The `MarketingServiceCancellation` workflow: a marketing service cancelled alone, by its own billing administrator."""

from collections.abc import Sequence
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.marketing import MarketingRecords
    from contract.steps import OpenMarketingRequest
    from domain.cancellation.lifecycle import AlreadyVerified, CancellationStillTelling
    from domain.marketing import (
        MarketingCancellationEnded,
        MarketingServiceCanceled,
        MarketingStage,
        MarketingWorkflowIdMismatch,
    )
    from domain.refusals import Refusal

# Our own workflow code is reloaded for every workflow, inside the sandbox, on purpose: so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.common.cancellation_workflow import CancellationWorkflow
    from workflows.common.steps import recorded
    from workflows.marketing.state import MarketingCase


@workflow.defn(name=contract.MARKETING_SERVICE_CANCELLATION)
class MarketingServiceCancellation(CancellationWorkflow[MarketingCase, contract.MarketingCancellationStatus]):
    """The cancellation of a marketing service, for ever. ``run`` is the story; it takes no requests of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._requester = ""

    @workflow.run
    async def run(self, *received: Any) -> contract.MarketingCancellationStatus:
        """Run the cancellation until the ad centre has stopped everything, and return the final status."""
        await self._receive(received)
        if not await self._administrator_verified():
            return await self._ended()
        await self._cancel_service()
        await self._ad_centre.remind()
        await self._complete()
        return await self._ended()

    async def _receive(self, received: Sequence[Any]) -> None:
        """Open the case, or end with the refusal."""
        try:
            start = self._read_start(received)
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
            await self._refuse_to_open(refusal)
        self._requester = start.actor
        case = MarketingCase(opened=opened.case, request_id=start.request_id, verification=opened.case.verification)
        self._open(case, opened)

    async def _administrator_verified(self) -> bool:
        """Wait for the verification; abandon the case and return False if it does not come in time."""
        deadline = self.case.opened.received_at + self.case.policy.intake_timeout
        self.case.enter(MarketingStage.INTAKE, deadline=deadline)
        await self.wait(lambda: self.case.is_verified, what="time limit of the verification")
        # A verification that arrived before the limit has the lock: it was first.
        async with self._lock:
            if self.case.is_verified:
                return True
            step = self.step("abandoned", why="the billing administrator was not verified in time")
            await self.record(MarketingRecords.abandon_marketing_case, step, summary="close the unverified case")
            self.case.enter(MarketingStage.ABANDONED)
            return False

    async def _cancel_service(self) -> None:
        """Cancel the service for ever, and have every running campaign stopped."""
        step = self.step("canceled", self._requester)
        stopping = await self.record(
            MarketingRecords.cancel_marketing_service, step, summary="cancel the marketing service, stop its campaigns"
        )
        self.case.enter(MarketingStage.STOPPING)
        self._ad_centre.take(stopping)
        if not self._ad_centre.has_stopped_all:
            self.publish()

    async def _complete(self) -> None:
        await self.record(MarketingRecords.complete_marketing_case, self.step("completed"), summary="close the case")
        self.case.enter(MarketingStage.CANCELED)

    async def _ended(self) -> contract.MarketingCancellationStatus:
        self.publish()
        return await self._finished()

    def _read_start(self, received: Sequence[Any]) -> contract.StartMarketingCancellation:
        return contract.read(received, contract.StartMarketingCancellation)

    def _restart_refused(self) -> Refusal:
        if self.case.stage is MarketingStage.CANCELED:
            return MarketingServiceCanceled(self.case.opened.organization)
        return CancellationStillTelling(self.case.id, self.case.stage)

    def _check_verification_awaited(self) -> None:
        if self.case.stage.is_final:
            raise MarketingCancellationEnded(self.case.id, self.case.stage)
        if self.case.is_verified:
            raise AlreadyVerified(self.case.id)


WORKFLOWS = (MarketingServiceCancellation,)

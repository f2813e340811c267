"""The `MarketingServiceCancellation` workflow: a marketing service cancelled alone, by its own billing administrator."""

from collections.abc import Sequence
from typing import Any

from temporalio import workflow

from workflows.common.cancellation_workflow import CancellationWorkflow
from workflows.common.case_workflow import CANCEL_REQUESTED
from workflows.common.reading import read_clean
from workflows.common.steps import RefusedStep
from workflows.marketing.state import MarketingCase

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.marketing import MarketingRecords
    from contract.steps import OpenMarketingRequest, claim_of_start, receipt_of_start
    from domain.actors import OPERATOR, THE_SERVICE
    from domain.cancellation.lifecycle import CancellationStillTelling
    from domain.cancellation.verification import AlreadyVerified
    from domain.marketing import (
        MarketingCancellationEnded,
        MarketingServiceCanceled,
        MarketingStage,
        MarketingWorkflowIdMismatch,
    )
    from domain.refusals import Refusal


NOT_VERIFIED = "the billing administrator was not verified in time"


@workflow.defn(name=contract.MARKETING_SERVICE_CANCELLATION)
class MarketingServiceCancellation(CancellationWorkflow[MarketingCase, contract.MarketingCancellationStatus]):
    """The cancellation of a marketing service, for ever. ``run`` is the story; it takes no requests of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._requester = ""
        self._given_up = False
        """True once an operator requested the cancellation of the workflow in time."""

    @workflow.run
    async def run(self, *received: Any) -> contract.MarketingCancellationStatus:
        """Run the cancellation, from where its record is, until the ad centre has stopped everything; return the final status."""
        return await self._carry(received)

    async def _to_its_end(self) -> contract.MarketingCancellationStatus:
        """Take the case from its recorded stage to its end: what is done already is not done again."""
        if self.case.stage.is_final or not await self._administrator_verified():
            return await self._ended()
        await self._cancel_service()
        await self._ad_centre.remind()
        if not self._ad_centre.has_stopped_all:
            self._continue_as_new()
        await self._complete()
        return await self._ended()

    async def _start_from_record(self) -> None:
        self.case.enter_recorded_stage()

    async def _receive(self, received: Sequence[Any]) -> None:
        """Open the case, received when its workflow was started, or end with the refusal."""
        try:
            start = self._read_start(received)
            expected_id = contract.marketing_workflow_id(start.organization)
            if workflow.info().workflow_id != expected_id:
                raise MarketingWorkflowIdMismatch(workflow.info().workflow_id, expected_id)
            at, receipt = receipt_of_start(start, now=workflow.info().workflow_start_time)
            opened = await self._read_case(
                MarketingRecords.open_marketing_case,
                OpenMarketingRequest(
                    workflow_id=expected_id,
                    organization=start.organization,
                    # A run that was reset is another run with the same first one, and must find the case that it opened.
                    request_id=f"{expected_id}:{start.request_id or workflow.info().first_execution_run_id}",
                    actor=start.actor,
                    claim=claim_of_start(expected_id, start),
                    at=at,
                    receipt=receipt,
                    administrator=start.administrator,
                    campaign_actions=start.campaign_actions,
                    attested_because=start.attestation.reason if start.attestation else None,
                    reason=start.reason,
                    digest=contract.digest_of(contract.UPDATE_RECEIVE, start),
                    continues=start.continues,
                ),
                summary="open the case",
            )
        except Refusal as refusal:
            await self._refuse_to_open(refusal)
        self._requester = opened.case.opened_by or start.actor
        request_id = start.request_id or workflow.info().first_execution_run_id
        case = MarketingCase(opened=opened.case, request_id=request_id, verification=opened.case.verification)
        if opened.case.record is not None:
            case.adopt(opened.case.record)
            case.enter_recorded_stage()
        self._open(case, opened)

    async def _administrator_verified(self) -> bool:
        """Wait for the verification; abandon the case and return False if it does not come in time."""
        if self.case.stage is not MarketingStage.INTAKE:
            return True
        opened = self.case.opened
        deadline = (opened.entered_at or opened.received_at) + self.case.policy.intake_timeout
        self.case.enter(MarketingStage.INTAKE, deadline=deadline)
        await self.wait(lambda: self.case.is_verified or self._given_up, what="time limit of the verification")
        # A verification that arrived before the limit has the lock: it was first.
        async with self._lock:
            if self.case.is_verified:
                return True
            actor, why = (OPERATOR, CANCEL_REQUESTED) if self._given_up else (THE_SERVICE, NOT_VERIFIED)
            step = self.step("abandoned", actor, why=why)
            try:
                await self.record(MarketingRecords.abandon_marketing_case, step, summary="close the unverified case")
            except RefusedStep:
                if self.case.is_verified:  # the record knows of a verification that this workflow did not
                    return True
                raise
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

    async def _take_cancel_request(self) -> None:
        """Take an operator's request to cancel the workflow: an unverified case is abandoned; a cancelled service stays so."""
        if self.case.stage is MarketingStage.INTAKE and not self.case.is_verified:
            self._given_up = True
        else:
            refusal = MarketingServiceCanceled(self.case.opened.organization)
            await self._refuse_cancel_request(refusal)

    def _is_idle(self) -> bool:
        return super()._is_idle() and not (self._given_up and self.case.stage is MarketingStage.INTAKE)

    def _wishes(self) -> tuple[object, ...]:
        return self._given_up, self.case.is_verified

    def _read_start(self, received: Sequence[Any]) -> contract.StartMarketingCancellation:
        return read_clean(received, contract.StartMarketingCancellation)

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

"""The base of the cancellations of every kind, with their common requests."""

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

from temporalio import workflow

from workflows.common.ad_centre import AdCentre
from workflows.common.case_requests import CaseRequests, lawful
from workflows.common.case_state import CancellationState, Status
from workflows.common.case_workflow import RecordAhead
from workflows.common.steps import RefusedStep, code_mailed, recorded

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.cancellation import Records
    from activities.verification import Verifier
    from contract.steps import Attested, CodeTried, Step
    from domain.actors import OPERATOR
    from domain.cancellation.lifecycle import InputMalformed
    from domain.cancellation.verification import AlreadyVerified
    from domain.refusals import Refusal
    from domain.vocabulary import Verification
    from runtime.refusals import as_application_error


State = TypeVar("State", bound=CancellationState[Any, Any])


class CancellationWorkflow(CaseRequests[State, Status]):
    """A cancellation: requested by a billing administrator, who is verified; the ad centre stops campaigns for it."""

    def __init__(self) -> None:
        super().__init__()
        self._ad_centre = AdCentre(self)

    @abstractmethod
    async def _receive(self, received: Sequence[Any]) -> None:
        """Open the case, received when its workflow was started, or find it opened by the same request; end with the refusal."""

    @abstractmethod
    async def _to_its_end(self) -> Status:
        """Take the case from its recorded stage to its end: what is done already is not done again."""

    @abstractmethod
    async def _start_from_record(self) -> None:
        """Take up the record, which is further than this workflow knew."""

    @abstractmethod
    async def _take_cancel_request(self) -> None:
        """Take an operator's request to cancel the workflow."""

    @abstractmethod
    def _read_start(
        self, received: Sequence[Any]
    ) -> contract.StartCancellation | contract.StartLineCancellation | contract.StartMarketingCancellation:
        """Return the start that was received; raises InputMalformed."""

    @abstractmethod
    def _restart_refused(self) -> Refusal:
        """Return the refusal to start a case that has ended again."""

    @abstractmethod
    def _check_verification_awaited(self) -> None:
        """Raise the refusal of a verification that comes at the wrong stage."""

    def _check_verification(self, _: contract.Request) -> None:
        self._check_verification_awaited()

    async def _story(self, received: Sequence[Any]) -> Status:
        """Receive the case and take it to its end; start again from the record whenever that is further.

        A step that is refused holds the story up and nobody else: it starts again from the record after a while.
        """
        await self._receive(self._input(received))
        from_record = False
        while True:
            try:
                if from_record:
                    await self._start_from_record()
                return await self._to_its_end()
            except RecordAhead:
                pass
            except RefusedStep as refused:
                if refused.is_fault or not self.case.is_overtaken:
                    await self._held_up(refused)
            from_record = True

    async def _carry(self, received: Sequence[Any]) -> Status:
        """Run the story of the case to its end. A request to cancel the workflow interrupts no step: it is a request by an operator."""
        running = asyncio.create_task(self._story(received))
        while True:
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                if running.done() or workflow.cancellation_reason() is None:  # this run leaves the worker's memory
                    raise
                await workflow.wait_condition(lambda: self._case is not None or running.done())
                if self._case is not None:
                    await self._take_cancel_request()

    async def _refuse_cancel_request(self, refusal: Refusal) -> None:
        """Audit and show a request to cancel the workflow that comes too late; it is ignored."""
        step, summary = self.step("cancel-request", OPERATOR), "keep the refused request to cancel the workflow"
        await self._refused.audit(refusal, step, "cancel_request.refused", self.case.subscription, summary=summary)
        self.case.last_refusal = refusal.details
        self.publish()

    @workflow.update(name=contract.UPDATE_RECEIVE)
    async def receive(self, *received: Any) -> Status:
        """Return the status once the case is open: the case just started, or the one already running.

        A case that has ended and only waits for the delivery of its last messages is not running: a new start must not
        be taken for it, and lost.
        """
        await self._opened()
        if self.case.stage.is_final and not self._is_own_start(received):
            raise as_application_error(self._restart_refused())
        return self._status()

    @workflow.update(name=contract.UPDATE_SEND_CODE)
    async def send_code(self, *received: Any) -> Status:
        """Mail a one-time code to the billing administrator on record."""

        async def send(_: contract.SendCode, step: Step) -> None:
            self._check_verification_awaited()
            await self.taken(code_mailed(Verifier.send_code, step, summary="mail a one-time code"))

        return await self._answer_to(received, contract.SendCode, "send_code", send)

    send_code.validator(lawful(contract.SendCode, "send_code", _check_verification))

    @workflow.update(name=contract.UPDATE_VERIFY_CODE)
    async def verify_code(self, *received: Any) -> Status:
        """Verify the billing administrator by the code they received."""

        async def verify(message: contract.VerifyCode, step: Step) -> None:
            async with self._lock:
                self._check_verification_awaited()
                tried = CodeTried(step=step, code=message.code)
                await self.taken(recorded(Verifier.check_code, tried, summary="check a one-time code"))
                self.case.verify(Verification.ONE_TIME_CODE)

        return await self._answer_to(received, contract.VerifyCode, "verify_code", verify)

    verify_code.validator(lawful(contract.VerifyCode, "verify_code", _check_verification))

    @workflow.update(name=contract.UPDATE_ATTEST)
    async def attest(self, *received: Any) -> Status:
        """Record an agent's attestation that the request comes from the billing administrator."""

        async def take(message: contract.Attest, step: Step) -> None:
            async with self._lock:
                self._check_verification_awaited()
                if self.case.is_verified:
                    raise AlreadyVerified(self.case.id)
                attested = Attested(step=step, because=message.attestation.reason)
                await self.taken(recorded(Records.save_attestation, attested, summary="keep the attestation"))
                self.case.verify(Verification.ATTESTATION)

        return await self._answer_to(received, contract.Attest, "attest", take)

    attest.validator(lawful(contract.Attest, "attest", _check_verification))

    @workflow.update(name=contract.ACKNOWLEDGE_STOP)
    async def acknowledge_stop(self, *received: Any) -> Status:
        """Record the ad centre's acknowledgement that a campaign is stopped, for callers who need the outcome."""
        return await self._answer_to(
            received, contract.AcknowledgeStop, "acknowledge_stop", self._ad_centre.acknowledge
        )

    acknowledge_stop.validator(lawful(contract.AcknowledgeStop, "acknowledge_stop"))

    @workflow.signal(name=contract.ACKNOWLEDGE_STOP)
    async def acknowledge_stop_signal(self, *received: Any) -> None:
        """Record the same acknowledgement from systems that fire and forget; a refusal is audited."""
        await self._take_signal(received, contract.AcknowledgeStop, "acknowledge_stop", self._ad_centre.acknowledge)

    def _is_idle(self) -> bool:
        return not self._ad_centre.is_recording

    def _is_own_start(self, received: Sequence[Any]) -> bool:
        try:
            given = self._read_start(received).request_id
        except InputMalformed:
            return False
        # A start without an id is known by the first run of its workflow, as the records know it.
        return (given or workflow.info().first_execution_run_id) == self.case.request_id

"""The requests that a cancellation takes which can be undone: its updates and signals.

A handler checks the request against the rules and stores it; the story in `workflows.cancellation.story` acts on it.
The state that both share lives here.
"""

from datetime import datetime
from typing import Any, TypeVar

from temporalio import workflow

from workflows.cancellation.late_tasks import sent_in_time
from workflows.cancellation.open_billing import OpenBilling
from workflows.cancellation.reversal_identity import ReversalIdentity
from workflows.cancellation.reversible_state import ReversibleCase
from workflows.common.cancellation_workflow import CancellationWorkflow
from workflows.common.case_requests import lawful
from workflows.common.case_state import Status
from workflows.common.case_workflow import CANCEL_REQUESTED
from workflows.common.requests import named_otherwise
from workflows.common.steps import recorded

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.cancellation import Records
    from contract.steps import AnswersGiven, CaseCorrection, Step
    from domain.actors import OPERATOR
    from domain.cancellation.checklist import Checklist
    from domain.cancellation.checklist_refusals import QuestionAlreadyAnswered
    from domain.cancellation.corrections import check_correction
    from domain.cancellation.lifecycle import (
        ApprovalNotAwaited,
        CancellationEnded,
        CancellationStillTelling,
        ChecklistClosed,
        OwnApproval,
        check_reversal,
        check_withdrawal,
    )
    from domain.refusals import ForwardedRefusal, Refusal, RefusalDetails
    from domain.vocabulary import Question, Stage, same_person


State = TypeVar("State", bound=ReversibleCase[Any])


EQUAL_ANSWERS_ACCEPTED = "equal-answers-accepted-2026-11"
"""The id of the patch (docs/upgrades.md)."""


ONE_PERSON = "one-person-in-any-spelling-2026-11"
"""The id of the patch (docs/upgrades.md)."""


class CancellationRequests(CancellationWorkflow[State, Status]):
    """The requests that reach a running cancellation, and the state that answers them."""

    def __init__(self) -> None:
        super().__init__()
        self._open_billing = OpenBilling(self)
        self._identity = ReversalIdentity(self, self._requests, self._check_reversal)
        self._approval: contract.Approve | None = None
        self._withdrawal: contract.Withdraw | None = None
        self._reversal: contract.RequestReversal | None = None
        self._answering: dict[str, Step] = {}
        """The requests that led to steps of the story, by the names of these."""
        self._refused_wishes: dict[str, RefusalDetails] = {}
        """The refusals of those requests whose steps met a fault, by the same names, until their handlers take them up."""
        self._entering: Stage | None = None
        """The stage whose transition is being recorded, if any: the decision is final, and a request is now too late."""

    @property
    def requester(self) -> str:
        """The actor who asked for the cancellation."""
        return self.case.requester

    @property
    def is_withdrawn(self) -> bool:
        """True once nothing more is to be prepared: a withdrawal is requested, or the record of the case is further."""
        return self._withdrawal is not None or self.case.is_overtaken

    @workflow.signal(name=contract.SIGNAL_CREDIT_MEMO_POSTED)
    def credit_memo_posted(self, *received: Any) -> None:
        """Have the credit memos checked again, unless the notice is for another case."""
        self.look_at_length()
        if self._case is not None and named_otherwise(received, self._case.id):
            return
        self._open_billing.credit_memo_posted()

    def _check_answer(self, message: contract.Answer) -> Checklist:
        self._check_intake_open()
        return self.case.checklist.answered(message.answers, today=self.case.today())

    @workflow.update(name=contract.UPDATE_ANSWER)
    async def answer(self, *received: Any) -> Status:
        """Record answers to the checklist: all, or none."""

        async def take(message: contract.Answer, step: Step) -> None:
            async with self._lock:
                checklist = self._check_answer(message)
                repeated = [question for question in message.answers if question in self.case.checklist.answers]
                if repeated and not workflow.patched(EQUAL_ANSWERS_ACCEPTED):
                    raise QuestionAlreadyAnswered(Question(repeated[0]), None)
                answered = tuple(Question(name) for name in message.answers)
                given = AnswersGiven(
                    step=step, checklist=checklist, answered=answered, campaign_actions=message.campaign_actions
                )
                summary = f"keep the answers: {', '.join(answered)}"
                self.case.take_quote(
                    outcome := await self.taken(recorded(Records.save_answers, given, summary=summary))
                )
                if outcome.record is None:  # a history of a version that returned no record
                    self.case.checklist = checklist

        return await self._answer_to(received, contract.Answer, "answer", take)

    answer.validator(lawful(contract.Answer, "answer", _check_answer))

    def _check_approval(self, message: contract.Approve) -> None:
        if not self.case.awaits_approval or self._approval is not None or self.is_withdrawn:
            raise ApprovalNotAwaited(self.case.id, self.case.stage)
        if message.actor == self.requester:
            raise OwnApproval(message.actor)
        if same_person(message.actor, self.requester) and workflow.patched(ONE_PERSON):
            raise OwnApproval(message.actor)

    @workflow.update(name=contract.UPDATE_APPROVE)
    async def approve(self, *received: Any) -> Status:
        """Accept a second person's approval of the goodwill."""

        async def take(message: contract.Approve, step: Step) -> None:
            self._check_approval(message)
            self._approval, self._answering["approved"] = message, step
            await workflow.wait_condition(
                lambda: not self.case.awaits_approval or self.case.stage.is_final or self._approval is not message
            )
            self._check_carried_out("approved")
            if self.case.stage.is_final:  # a withdrawal came together with the approval, and the story saw it first
                raise CancellationEnded(self.case.id, self.case.stage)

        return await self._answer_to(received, contract.Approve, "approve", take)

    approve.validator(lawful(contract.Approve, "approve", _check_approval))

    def _check_correction(self, _: contract.Correct) -> None:
        check_correction(self.case.id, Stage.WITHDRAWN if self._withdrawal is not None else self.case.stage)
        if self._entering is not None:
            check_correction(self.case.id, self._entering)

    @workflow.update(name=contract.UPDATE_CORRECT)
    async def correct(self, *received: Any) -> Status:
        """Record other wishes of the customer, until the cancellation takes effect: all, or none."""

        async def take(message: contract.Correct, step: Step) -> None:
            async with self._lock:
                self._check_correction(message)
                correction = CaseCorrection(
                    step=step.model_copy(update={"why": message.reason}),
                    answers=message.answers,
                    campaign_actions=message.campaign_actions,
                    goodwill_reason=message.goodwill.reason if message.goodwill else None,
                    without_goodwill=message.without_goodwill,
                    expects=message.expects,
                )
                self.case.take_quote(await self.record(Records.correct_case, correction, summary="correct the case"))
                self._open_billing.credit_memo_posted()  # a case that waits for something else is looked at again

        return await self._answer_to(received, contract.Correct, "correct", take)

    correct.validator(lawful(contract.Correct, "correct", _check_correction))

    def _check_withdrawal(self, _: contract.Withdraw) -> None:
        check_withdrawal(self.case.id, self.case.stage)
        if self._withdrawal is not None:
            raise CancellationEnded(self.case.id, Stage.WITHDRAWN)
        if self._entering is not None:
            check_withdrawal(self.case.id, self._entering)

    @workflow.update(name=contract.UPDATE_WITHDRAW)
    async def withdraw(self, *received: Any) -> Status:
        """End the case before it takes effect."""

        async def take(message: contract.Withdraw, step: Step) -> None:
            self._check_withdrawal(message)
            self._withdrawal, self._answering["withdrawn"] = message, self._sent_in_time(step)
            await workflow.wait_condition(lambda: self.case.stage.is_final or self._withdrawal is not message)
            self._check_carried_out("withdrawn")
            if self.case.stage is not Stage.WITHDRAWN:  # the record was further
                check_withdrawal(self.case.id, self.case.stage)

        return await self._answer_to(received, contract.Withdraw, "withdraw", take)

    withdraw.validator(lawful(contract.Withdraw, "withdraw", _check_withdrawal))

    @workflow.update(name=contract.REQUEST_REVERSAL)
    async def request_reversal(self, *received: Any) -> Status:
        """Reverse the cancellation within its window, for callers who need the outcome."""
        return await self._answer_to(received, contract.RequestReversal, "request_reversal", self._take_reversal)

    request_reversal.validator(
        lawful(contract.RequestReversal, "request_reversal", lambda self, asked: self._identity.check(asked))
    )

    @workflow.signal(name=contract.REQUEST_REVERSAL)
    async def request_reversal_signal(self, *received: Any) -> None:
        """Reverse the cancellation within its window, for systems that fire and forget; a refusal is audited."""
        await self._take_signal(received, contract.RequestReversal, "request_reversal", self._take_reversal)

    def _is_idle(self) -> bool:
        is_withdrawing = self._withdrawal is not None and not self.case.stage.is_final
        return super()._is_idle() and not self._open_billing.is_recording and not is_withdrawing

    def _wishes(self) -> tuple[object, ...]:
        return self._withdrawal, self._reversal, self._approval, self._open_billing.is_posted

    def _refuse_wish(self, step: str, refusal: RefusalDetails) -> None:
        """Drop the request that led to a step of the story; its handler refuses it."""
        del self._answering[step]
        self._refused_wishes[step] = refusal
        match step:
            case "approved":
                self._approval = None
            case "withdrawn":
                self._withdrawal = None
            case "reversed":
                self._reversal = None

    def _check_carried_out(self, step: str) -> None:
        """Raise the refusal of the request that led to a step of the story, if that was refused."""
        if (refusal := self._refused_wishes.pop(step, None)) is not None:
            raise ForwardedRefusal(refusal)

    async def _take_cancel_request(self) -> None:
        """Take an operator's request to cancel the workflow as a withdrawal; too late for one, it is audited and ignored."""
        stage = Stage.WITHDRAWN if self._withdrawal is not None else self._entering or self.case.stage
        try:
            check_withdrawal(self.case.id, stage)
        except Refusal as refusal:
            await self._refuse_cancel_request(refusal)
        else:
            self._withdrawal = contract.Withdraw(actor=OPERATOR, reason=CANCEL_REQUESTED)
            self._answering.pop("withdrawn", None)

    async def _take_reversal(self, message: contract.RequestReversal, step: Step) -> None:
        # Yield only where there is something to wait for: a request that arrives together with the deadline was first,
        # and must be stored before the story wakes up.
        if self._entering is not None and self.case.stage.before_effect:
            await workflow.wait_condition(lambda: self._entering is None)
        stated = message.received_at or message.requested_at or message.sent_at
        step = step.model_copy(update={"asked_at": min(stated, step.dated)}) if stated else self._sent_in_time(step)
        step = await self._identity.judged(message, step)
        self._reversal, self._answering["reversed"] = message, step
        await workflow.wait_condition(lambda: self.case.stage.is_final or self._reversal is not message)
        self._check_carried_out("reversed")
        if self.case.stage is not Stage.REVERSED:  # the record was further
            self._check_in_time(message, self.case.stage)

    def _sent_in_time(self, step: Step) -> Step:
        return step if self._entering is not None else sent_in_time(step, self.case.stage_deadline)

    def _check_reversal(self, message: contract.RequestReversal, *, at: datetime | None = None) -> None:
        self._check_in_time(message, self.case.stage, at=at)
        if self._reversal is not None:
            raise CancellationEnded(self.case.id, Stage.REVERSED)
        if self._entering is not None:  # the deadline was first
            self._check_in_time(message, Stage.CLOSED, at=at)

    def _check_in_time(self, message: contract.RequestReversal, stage: Stage, *, at: datetime | None = None) -> None:
        case, now = self.case, at or workflow.now()
        asked_at = min(message.received_at or message.requested_at or message.sent_at or now, now)
        check_reversal(case.id, stage, asked_at=asked_at, deadline=case.reversal_deadline, zone=case.zone)

    def _restart_refused(self) -> Refusal:
        ended = CancellationEnded if self.case.stage is Stage.CLOSED else CancellationStillTelling
        return ended(self.case.id, self.case.stage)

    def _check_verification_awaited(self) -> None:
        self._check_intake_open()

    def _check_intake_open(self) -> None:
        if self.case.stage is not Stage.INTAKE or self.case.checklist.is_complete or self._withdrawal or self._entering:
            raise ChecklistClosed(self.case.id, self.case.stage)

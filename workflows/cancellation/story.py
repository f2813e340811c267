"""The story of a cancellation that can be undone: of a whole subscription, or of one of its lines."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from temporalio import workflow

from workflows.cancellation.late_tasks import FOUND_WITH_DEADLINE
from workflows.cancellation.requests import CancellationRequests, State
from workflows.common.case_state import Status
from workflows.common.case_workflow import RecordAhead, TimedReminder
from workflows.common.requests import AnyStep, dated
from workflows.common.steps import RefusedStep, recorded

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.cancellation import Records
    from contract.steps import Approval, Opened, OpenedCase, OpenRequest, Recorded, Reminder, Step, Undone, open_request
    from domain.actors import THE_SERVICE
    from domain.cancellation.lifecycle import WorkflowIdMismatch
    from domain.vocabulary import Event, Stage


class CancellationStory(CancellationRequests[State, Status]):
    """The part of the chain with the story: checklist, preparation, the end, and the window in which it can be reversed."""

    _opening: OpenRequest
    """The request that opened the case, with which its record is read."""

    async def _open_or_find(
        self, start: contract.StartCancellation | contract.StartLineCancellation, expected_id: str
    ) -> Opened:
        """Open the case of a start, received when its workflow was started, or find it opened by the same request.

        Raises:
            WorkflowIdMismatch, RefusedStep, and the refusals of `open_request`.

        """
        info = workflow.info()
        if info.workflow_id != expected_id:
            raise WorkflowIdMismatch(info.workflow_id, expected_id)
        now, first_run = info.workflow_start_time, info.first_execution_run_id
        self._opening = open_request(start, expected_id, now, first_run=first_run)
        return await self._read_case(Records.open_case, self._opening, summary="open the case")

    @property
    def _request_id(self) -> str:
        """The id of the request that opened the case, as its caller knows it."""
        return self._opening.request_id.removeprefix(f"{self._opening.workflow_id}:")

    async def _to_its_end(self) -> Status:
        """Take the case from its recorded stage to its end: what is done already is not done again."""
        if self.case.stage.is_final:
            return await self._wind_up(self.case.stage)
        if self._was_held_up and self._withdrawal is not None and self.case.stage.before_effect:
            return await self._withdraw()
        if not await self._checklist_completed() or not await self._prepared():
            return await self._ended_before_promise()
        if not await self._termination_day_arrived():
            return await self._withdraw()
        await self._end_access()
        if await self._reversal_requested():
            return await self._reverse()
        return await self._close()

    async def _start_from_record(self) -> None:
        """Read the record anew, which is further than this workflow knew, and take it up."""
        opened = await recorded(Records.open_case, self._opening, summary="read the record of the case")
        self._entering = None
        self._take_up(opened.case)
        self.notify(opened)

    def _take_up(self, opened: OpenedCase) -> None:
        """Adopt the recorded state of the case."""
        case = self.case
        case.start_from_record(opened)
        if not case.stage.before_effect:
            self._withdrawal = None  # too late; its handler refuses it
        if opened.stop is not None:
            self._ad_centre.take_up(opened.stop)
        self._open_billing.take_up(opened.billing)

    async def _checklist_completed(self) -> bool:
        """Wait for the answers, reminding of them; return False when the customer withdrew or never finished."""
        if self.case.stage is not Stage.INTAKE:
            return True
        policy, opened_at = self.case.policy, self.case.opened.entered_at or self.case.received_at
        self.case.enter(Stage.INTAKE, deadline=opened_at + policy.intake_timeout)
        remind = partial(self._remind, Event.REMINDER)
        completed = await self.wait(
            lambda: self.case.checklist.is_complete or self.is_withdrawn,
            what="time-out of the checklist",
            reminders=[
                (opened_at + after, f"intake-reminder-{number}", remind)
                for number, after in enumerate(policy.intake_reminders, start=1)
            ],
        )
        if self._lock.locked() and workflow.patched(FOUND_WITH_DEADLINE):
            # An answer or a verification that arrived before the time-out has the lock: it is recorded before the check.
            async with self._lock:
                completed = self.case.checklist.is_complete
        return completed and not self.is_withdrawn

    @abstractmethod
    async def _prepared(self) -> bool:
        """Complete everything that precedes the promised dates; return False on withdrawal, or after a time limit."""

    @abstractmethod
    async def _wind_up(self, stage: Stage, /) -> Status:
        """Do what is left after the end of the case; return its final status."""

    async def _goodwill_approved(self) -> bool:
        """Wait for the second person's approval where goodwill is requested; return False on withdrawal."""
        if not self.case.awaits_goodwill:
            return True
        step = self.step(self.case.nth("await-approval"), self.requester, why=self.case.goodwill_reason)
        await self.record(Records.await_approval, step, summary="wait for approval")
        self.case.awaits_approval = True
        self.case.enter(Stage.PREPARING)
        await self.wait(lambda: self._approval is not None or self.is_withdrawn or not self.case.awaits_goodwill)
        if self.is_withdrawn:
            return False
        if self._approval is None:  # the goodwill was given up
            self.case.awaits_approval = False
            return True
        approved = dated(self.step(self.case.nth("approved"), self._approval.actor), self._answering.get("approved"))
        approval = Approval(step=approved, reason=self._approval.reason, proposal=self._approval.proposal)
        with self._answered_by(approved):
            self.case.take_quote(await self.record(Records.approve_goodwill, approval, summary="keep the approval"))
        self.case.awaits_approval, self.case.goodwill_approved, self._approval = False, True, None
        return True

    async def _termination_day_arrived(self) -> bool:
        """Wait for the day, reminding of it; return False when the customer withdrew before."""
        if self.case.stage is Stage.CANCELED:
            return True
        reminders = self._reminder_before_deadline(self.case.policy.effect_reminder, Event.REMINDER, "effect-reminder")
        what = "the last day of access is over"
        return not await self.wait(lambda: self.is_withdrawn, what=what, reminders=reminders)

    async def _end_access(self) -> None:
        if self.case.stage is Stage.CANCELED:
            return
        step = self.step("effect")
        self._entering = Stage.CANCELED  # from here on a withdrawal is too late, also while the database is down
        with self._answered_by(step):
            took = await self.record(Records.take_effect, step, summary="end access, open the reversal window")
        self.case.access_ended_on = took.effect.access_ended_on
        self.case.reversal_deadline = took.effect.reversal_deadline
        self.case.enter(Stage.CANCELED, deadline=took.effect.reversal_deadline)
        self._entering = None

    async def _reversal_requested(self) -> bool:
        """Wait for a reversal, reminding of the deadline; return False when the window is over."""
        reminders = self._reminder_before_deadline(
            self.case.policy.reversal_reminder, Event.REVERSAL_REMINDER, "reversal-reminder"
        )
        what = "the reversal window ends"
        reversed_in_time = await self.wait(lambda: self._reversal is not None, what=what, reminders=reminders)
        # No await between here and the transition: the first, request or deadline, has won.
        self._entering = Stage.REVERSED if reversed_in_time else Stage.CLOSED
        return reversed_in_time

    async def _reverse(self) -> Status:
        step = self._identity.step_of(self._reversal, self._answering.get("reversed"))
        return await self._end(Stage.REVERSED, Records.reverse, step, "give access back, restore the lines")

    async def _close(self) -> Status:
        return await self._end(Stage.CLOSED, Records.close, self.step("closed"), "close the case")

    async def _ended_before_promise(self) -> Status:
        self.check_record()
        return await (self._withdraw() if self.is_withdrawn else self._abandon())

    async def _withdraw(self) -> Status:
        request = self._withdrawal
        step = self.step(
            "withdrawn", request.actor if request else THE_SERVICE, why=request.reason if request else None
        )
        return await self._end(Stage.WITHDRAWN, Records.withdraw, step, "undo what was prepared")

    async def _abandon(self) -> Status:
        step = self.step("abandoned", why=self.case.abandoned_because)
        return await self._end(Stage.ABANDONED, Records.abandon, step, "close the unanswered case")

    async def _end(
        self, stage: Stage, activity: Callable[[Records, AnyStep], Recorded], step: AnyStep, summary: str
    ) -> Status:
        self._entering = stage
        with self._answered_by(step):
            outcome = await self.record(activity, dated(step, self._answering.get(step.name)), summary=summary)
        self.case.enter(stage)
        self._entering = None
        if isinstance(outcome, Undone) and outcome.taken_over_by is not None:
            self.case.taken_over_by = outcome.taken_over_by
        return await self._wind_up(stage)

    @contextmanager
    def _answered_by(self, step: Step) -> Iterator[None]:
        """Refuse the request that led to a step of the story if the step is refused; the story continues without it.

        A request without an answer, a signal or a button of Temporal, stands: it holds the story up, and is tried again.
        """
        try:
            yield
        except RefusedStep as refused:
            if self.case.is_overtaken:
                raise
            self._entering = None  # what was decided has not happened
            name = step.name.partition("/")[0]
            asked = self._answering.get(name)
            if asked is None or asked.request is None:
                raise
            self._refuse_wish(name, refused.details)
            raise RecordAhead from None

    def _reminder_before_deadline(self, before: timedelta, event: Event, occasion: str) -> list[TimedReminder]:
        deadline = self.case.stage_deadline
        return [(deadline - before, occasion, partial(self._remind, event))] if deadline else []

    async def _remind(self, event: Event, occasion: str) -> None:
        await self.record(Records.remind, Reminder(step=self.step(occasion), event=event), summary=occasion)

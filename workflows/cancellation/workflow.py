"""The `SubscriptionCancellation` workflow: one cancellation from the request to the end of the reversal window."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.cancellation import Records
    from contract.steps import Approval, OpenedCase, OpenRequest, Recorded, Reminder, Step, receipt_of_start
    from domain.cancellation.lifecycle import WorkflowIdMismatch
    from domain.refusals import Refusal
    from domain.vocabulary import Event, Stage

# Our own workflow code is reloaded for every workflow, inside the sandbox, on purpose: so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.cancellation.late_tasks import FOUND_WITH_DEADLINE
    from workflows.cancellation.requests import CancellationRequests
    from workflows.cancellation.state import Case
    from workflows.common.case_workflow import RecordAhead, TimedReminder
    from workflows.common.owner import THE_SERVICE
    from workflows.common.requests import AnyStep, dated
    from workflows.common.steps import RefusedStep, recorded


@workflow.defn(name=contract.SUBSCRIPTION_CANCELLATION)
class SubscriptionCancellation(CancellationRequests):
    """One cancellation. ``run`` is the story; the requests it takes are in `workflows.cancellation.requests`."""

    @workflow.run
    async def run(self, *received: Any) -> contract.CancellationStatus:
        """Run the cancellation from its receipt, or from where its record is, to its end, and return its final status."""
        return await self._carry(received)

    async def _to_its_end(self) -> contract.CancellationStatus:
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

    async def _receive(self, received: Sequence[Any]) -> None:
        """Open the case, received when its workflow was started, or find it opened by the same request; end with the refusal."""
        try:
            start = self._read_start(received)
            expected_id = contract.cancellation_workflow_id(start.subscription)
            if workflow.info().workflow_id != expected_id:
                raise WorkflowIdMismatch(workflow.info().workflow_id, expected_id)
            self._opening = self._open_request(start)
            opened = await self._read_case(Records.open_case, self._opening, summary="open the case")
        except Refusal as refusal:
            await self._refuse_to_open(refusal)
        case = Case(
            opened=opened.case,
            subscription=start.subscription,
            request_id=self._opening.request_id.removeprefix(f"{expected_id}:"),
            requester=opened.case.opened_by or start.actor,
            goodwill_reason=opened.case.goodwill_reason or (start.goodwill.reason if start.goodwill else None),
            received_at=opened.case.received_at or self._opening.at,
            checklist=opened.case.checklist,
            quote=opened.case.quote,
        )
        self._open(case, opened)
        self._take_up(opened.case)

    def _open_request(self, start: contract.StartCancellation) -> OpenRequest:
        info = workflow.info()
        at, receipt = receipt_of_start(start, now=info.workflow_start_time)
        return OpenRequest(
            workflow_id=info.workflow_id,
            subscription=start.subscription,
            # A run that was reset is another run with the same first one, and must find the case that it opened.
            request_id=f"{info.workflow_id}:{start.request_id or info.first_execution_run_id}",
            actor=start.actor,
            at=at,
            receipt=receipt,
            answers=start.answers,
            attested_because=start.attestation.reason if start.attestation else None,
            goodwill_reason=start.goodwill.reason if start.goodwill else None,
            reason=start.reason,
            reason_code=start.reason_code,
            campaign_actions=start.campaign_actions,
            digest=contract.digest_of(contract.UPDATE_RECEIVE, start),
            continues=start.continues,
        )

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

    async def _prepared(self) -> bool:
        """Complete everything that precedes the promised dates; return False on withdrawal, or after a time limit."""
        return self.case.stage not in (Stage.INTAKE, Stage.PREPARING) or (
            await self._goodwill_approved()
            and await self._export.finished()
            and await self._migration.finished()
            and await self._campaigns.settled()
            and await self._open_billing.settled()
        )

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

    async def _reverse(self) -> contract.CancellationStatus:
        step = self._identity.step_of(self._reversal, self._answering.get("reversed"))
        return await self._end(Stage.REVERSED, Records.reverse, step, "give access back, restore the lines")

    async def _close(self) -> contract.CancellationStatus:
        return await self._end(Stage.CLOSED, Records.close, self.step("closed"), "close the case")

    async def _ended_before_promise(self) -> contract.CancellationStatus:
        self.check_record()
        return await (self._withdraw() if self.is_withdrawn else self._abandon())

    async def _withdraw(self) -> contract.CancellationStatus:
        request = self._withdrawal
        step = self.step(
            "withdrawn", request.actor if request else THE_SERVICE, why=request.reason if request else None
        )
        return await self._end(Stage.WITHDRAWN, Records.withdraw, step, "undo what was prepared")

    async def _abandon(self) -> contract.CancellationStatus:
        step = self.step("abandoned", why=self.case.abandoned_because)
        return await self._end(Stage.ABANDONED, Records.abandon, step, "close the unanswered case")

    async def _end(
        self, stage: Stage, activity: Callable[[Records, AnyStep], Recorded], step: AnyStep, summary: str
    ) -> contract.CancellationStatus:
        self._entering = stage
        with self._answered_by(step):
            await self.record(activity, dated(step, self._answering.get(step.name)), summary=summary)
        self.case.enter(stage)
        self._entering = None
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

    async def _wind_up(self, stage: Stage) -> contract.CancellationStatus:
        """Do what is left after the end of the case: erase the data or its copies, deliver the last messages."""
        self.publish()
        await self._ad_centre.reminding_over()
        if stage is not Stage.CLOSED:
            await self._erasure.copies_removed()
        elif self.case.checklist.facts.has_data:
            await self._erasure.data_erased()
        await self._open_billing.reminding_over()
        return await self._finished()

    def _reminder_before_deadline(self, before: timedelta, event: Event, occasion: str) -> list[TimedReminder]:
        deadline = self.case.stage_deadline
        return [(deadline - before, occasion, partial(self._remind, event))] if deadline else []

    async def _remind(self, event: Event, occasion: str) -> None:
        await self.record(Records.remind, Reminder(step=self.step(occasion), event=event), summary=occasion)


WORKFLOWS = (SubscriptionCancellation,)

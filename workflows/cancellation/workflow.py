"""The `SubscriptionCancellation` workflow: one cancellation from the request to the end of the reversal window."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.cancellation import Records
    from activities.common.retries import LONG_WORK_RETRY
    from activities.erasure import Eraser
    from activities.export.activities import Exporter
    from contract.steps import Approval, Obstacle, OpenRequest, Recorded, Step
    from domain.cancellation.lifecycle import WorkflowIdMismatch
    from domain.refusals import Refusal
    from domain.vocabulary import DataChoice, Event, Stage
    from runtime.refusals import as_application_error

# Our own workflow code is loaded anew for every workflow, under the sandbox's eyes; that is meant, so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.cancellation.campaigns import CampaignStops
    from workflows.cancellation.data import DataRequests
    from workflows.cancellation.migration import Migrating
    from workflows.cancellation.state import Case
    from workflows.common.case_workflow import THE_SERVICE
    from workflows.common.notifier import Teller
    from workflows.common.steps import recorded

LONG_WORK_HEARTBEAT = timedelta(seconds=15)
"""After a worker died in the middle of long work, another takes it up this much later."""

LONGEST_EXPORT = timedelta(days=7)
"""How long one attempt may take, as long as it shows that it lives."""

LONGEST_LOOK_AWAY = timedelta(days=90)
"""How often at least to look whether data may be erased now: a signal that says so could be lost."""

OBSTACLE_CHECK = timedelta(days=1)
"""How often to look whether the lines can be ended now without being told: the signal that tells could be lost."""


@workflow.defn(name=contract.SUBSCRIPTION_CANCELLATION)
class SubscriptionCancellation(DataRequests, CampaignStops, Migrating):
    """Carries one cancellation. ``run`` is the story; what others ask for while it runs is in `workflows.cancellation.requests`."""

    @workflow.run
    async def run(self, *received: Any) -> contract.CancellationStatus:
        """Carry the cancellation from its receipt to its end, and return how it ended."""
        await self._receive(received)
        if not await self._checklist_completed():
            return await (self._withdraw() if self._withdrawal else self._abandon())
        if not await self._prepared():
            return await (self._withdraw() if self._withdrawal else self._abandon())
        if not await self._termination_day_arrived():
            return await self._withdraw()
        await self._end_access()
        if await self._reversal_requested():
            return await self._reverse()
        return await self._close()

    async def _receive(self, received: Sequence[Any]) -> None:
        """Open the case, or end with the reason why there is none."""
        try:
            start = contract.read(received, contract.StartCancellation)
            expected_id = contract.cancellation_workflow_id(start.subscription)
            if workflow.info().workflow_id != expected_id:
                raise WorkflowIdMismatch(workflow.info().workflow_id, expected_id)
            opened = await recorded(
                Records.open_case,
                OpenRequest(
                    workflow_id=expected_id,
                    subscription=start.subscription,
                    request_id=f"{expected_id}:{start.request_id or workflow.uuid4()}",
                    actor=start.actor,
                    at=workflow.now(),
                    answers=start.answers,
                    attested_because=start.attestation.reason if start.attestation else None,
                    goodwill_reason=start.goodwill.reason if start.goodwill else None,
                    reason=start.reason,
                    campaign_actions=start.campaign_actions,
                ),
                summary="open the case",
            )
        except Refusal as refusal:
            self._refused_to_open = refusal.details
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise as_application_error(refusal) from None
        self._start = start
        self._teller = Teller(opened.case.cancellation, delivered=self._show)
        self._case = Case(
            opened=opened.case,
            subscription=start.subscription,
            request_id=start.request_id,
            received_at=workflow.now(),
            checklist=opened.case.checklist,
            quote=opened.case.quote,
        )
        self._teller.note(opened.last_message)

    async def _checklist_completed(self) -> bool:
        """Wait for the answers, reminding of them; False when the customer withdrew or never finished."""
        policy, opened_at = self.case.opened.policy, self.case.received_at
        completed = await self._wait(
            lambda: self.case.checklist.is_complete or self._withdrawal is not None,
            until=opened_at + policy.intake_timeout,
            what="time-out of the checklist",
            reminders=[
                (opened_at + after, Event.REMINDER, f"intake-reminder-{number}")
                for number, after in enumerate(policy.intake_reminders, start=1)
            ],
        )
        return completed and self._withdrawal is None

    async def _prepared(self) -> bool:
        """Do what must be done before the dates can be promised; False when the customer withdrew, or a time limit passed."""
        return (
            await self._goodwill_approved()
            and await self._data_exported()
            and await self._data_migrated()
            and await self._campaigns_settled()
            and await self._lines_settled()
        )

    async def _data_exported(self) -> bool:
        """Export the organization's data where that was asked for; False on withdrawal."""
        if self.case.checklist.data is not DataChoice.EXPORT:
            return True
        self.case.export, self.case.copies_made = contract.ExportStatus.RUNNING, True
        self._enter(Stage.PREPARING)
        export = workflow.start_activity_method(
            Exporter.export_data,
            self._step("export", self._requester),
            start_to_close_timeout=LONGEST_EXPORT,
            heartbeat_timeout=LONG_WORK_HEARTBEAT,
            retry_policy=LONG_WORK_RETRY,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary="export the data",
        )
        await self._sleep(lambda: export.done() or self._withdrawal is not None, None, "")
        if not export.done():
            export.cancel()
            await workflow.wait([export])
            return False
        self._teller.note((await export).last_message)
        self.case.export = contract.ExportStatus.READY
        return True

    async def _lines_settled(self) -> bool:
        """Get the end dates set: credit memos first where they are needed. False on withdrawal."""
        while not await self._settled():
            self._enter(Stage.PREPARING)
            await self._sleep(
                lambda: self._credit_memo_posted or self._withdrawal is not None,
                workflow.now() + OBSTACLE_CHECK,
                "look again whether the lines can be ended",
            )
            if self._withdrawal is not None:
                return False
        return True

    async def _settled(self) -> bool:
        """Try to set the end dates; False while credit memos are outstanding or a line cannot be decided."""
        self._credit_memo_posted = False
        step = self._step("settle", self._requester)
        try:
            settled = await recorded(Records.settle_lines, step, summary="set the end dates of the lines")
        except Refusal as refusal:
            self.case.obstacle = refusal.message
            return False
        self._teller.note(settled.last_message)
        self.case.obstacle = ""
        self.case.quote = settled.settlement.quote
        self.case.outstanding_credit_memos = settled.settlement.outstanding_credit_memos
        if settled.settlement.outstanding_credit_memos:
            return False
        self._enter(Stage.SCHEDULED, deadline=settled.settlement.termination_day_begins_at)
        return True

    async def _goodwill_approved(self) -> bool:
        """Wait for the second person where goodwill was asked for; False on withdrawal."""
        if self._start is None or self._start.goodwill is None:
            return True
        step = self._step("await-approval", self._requester, why=self._start.goodwill.reason)
        self._teller.note((await recorded(Records.await_approval, step, summary="wait for approval")).last_message)
        self.case.awaits_approval = True
        self._enter(Stage.PREPARING)
        await self._wait(lambda: self._approval is not None or self._withdrawal is not None)
        if self._approval is None or self._withdrawal is not None:
            return False
        approval = Approval(step=self._step("approved", self._approval.actor), reason=self._approval.reason)
        self._teller.note(
            (await recorded(Records.approve_goodwill, approval, summary="keep the approval")).last_message
        )
        self.case.awaits_approval = False
        return True

    async def _termination_day_arrived(self) -> bool:
        """Wait for the day, reminding of it; False when the customer withdrew before."""
        day_begins = self.case.stage_deadline or workflow.now()
        withdrawn = await self._wait(
            lambda: self._withdrawal is not None,
            until=day_begins,
            what="the termination day begins",
            reminders=[(day_begins - self.case.opened.policy.effect_reminder, Event.REMINDER, "effect-reminder")],
        )
        return not withdrawn

    async def _end_access(self) -> None:
        self._entering = Stage.CANCELED  # from here on a withdrawal is too late, also while the database is down
        took = await recorded(Records.take_effect, self._step("effect"), summary="end access, open the reversal window")
        self.case.access_ended_on = took.effect.access_ended_on
        self.case.reversal_deadline = took.effect.reversal_deadline
        self._enter(Stage.CANCELED, deadline=took.effect.reversal_deadline)
        self._entering = None
        self._teller.note(took.last_message)

    async def _reversal_requested(self) -> bool:
        """Wait for the customer to change their mind, reminding of the deadline; False when the window is over."""
        deadline = self.case.reversal_deadline or workflow.now()
        reversed_in_time = await self._wait(
            lambda: self._reversal is not None,
            until=deadline,
            what="the reversal window ends",
            reminders=[
                (deadline - self.case.opened.policy.reversal_reminder, Event.REVERSAL_REMINDER, "reversal-reminder")
            ],
        )
        # No await between here and the transition: whoever comes first, request or deadline, has won.
        self._entering = Stage.REVERSED if reversed_in_time else Stage.CLOSED
        return reversed_in_time

    async def _reverse(self) -> contract.CancellationStatus:
        wish = self._reversal
        step = self._step("reversed", wish.actor if wish else THE_SERVICE, why=wish.reason if wish else None)
        return await self._end(Stage.REVERSED, Records.reverse, step, "give access back, restore the lines")

    async def _close(self) -> contract.CancellationStatus:
        return await self._end(Stage.CLOSED, Records.close, self._step("closed"), "close the case")

    async def _withdraw(self) -> contract.CancellationStatus:
        wish = self._withdrawal
        step = self._step("withdrawn", wish.actor if wish else THE_SERVICE, why=wish.reason if wish else None)
        return await self._end(Stage.WITHDRAWN, Records.withdraw, step, "undo what was prepared")

    async def _abandon(self) -> contract.CancellationStatus:
        step = self._step("abandoned", why=self._abandoned_because)
        return await self._end(Stage.ABANDONED, Records.abandon, step, "close the unanswered case")

    async def _end(
        self, stage: Stage, activity: Callable[[Records, Step], Recorded], step: Step, summary: str
    ) -> contract.CancellationStatus:
        self._entering = stage
        told = await recorded(activity, step, summary=summary)
        self._enter(stage)
        self._entering = None
        self._teller.note(told.last_message)
        self._publish()
        await self._reminding_over()
        if stage is not Stage.CLOSED:
            await self._copies_removed()
        elif self.case.checklist.facts.has_data:
            await self._data_erased()
        await self._teller.finished()
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._publish()
        return self._status()

    async def _copies_removed(self) -> None:
        """Remove what was copied for a cancellation that does not happen: the original is in use."""
        if self.case.copies_made:
            await workflow.execute_activity_method(
                Eraser.discard_copies,
                self._step("discard"),
                start_to_close_timeout=LONGEST_EXPORT,
                heartbeat_timeout=LONG_WORK_HEARTBEAT,
                retry_policy=LONG_WORK_RETRY,
                summary="remove the copies of the data",
            )
            self.case.export = contract.ExportStatus.ERASED if self.case.export else None

    async def _data_erased(self) -> None:
        """Erase the data as soon as nothing stands against it, reminding of an export that nobody has downloaded yet."""
        for attempt in count(1):
            self._erasable_again = False
            erased = await workflow.execute_activity_method(
                Eraser.erase_data,
                self._step("erase"),
                start_to_close_timeout=LONGEST_EXPORT,
                heartbeat_timeout=LONG_WORK_HEARTBEAT,
                retry_policy=LONG_WORK_RETRY,
                summary="erase the data",
            )
            self._teller.note(erased.last_message)
            self.case.erasure_waits_for = erased.waits_for
            if erased.certificate is not None:
                self.case.erased_at = erased.certificate.finished_at
                self.case.export = contract.ExportStatus.ERASED if self.case.export else None
                return
            patience = min(self.case.opened.policy.acknowledgement_reminder * attempt, LONGEST_LOOK_AWAY)
            look_again_at = workflow.now() + patience
            if await self._sleep(lambda: self._erasable_again, look_again_at, "look again whether to erase"):
                continue
            if erased.waits_for == Obstacle.ACKNOWLEDGEMENT:
                reminder = self._step(f"export-reminder-{attempt}")
                told = await recorded(Exporter.remind_of_export, reminder, summary="remind of the export")
                self._teller.note(told.last_message)

    def _enter(self, stage: Stage, *, deadline: datetime | None = None) -> None:
        self.case.stage, self.case.stage_deadline = stage, deadline


WORKFLOWS = (SubscriptionCancellation,)

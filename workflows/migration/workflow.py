"""The `OnPremisesMigration` workflow: an organization's data is brought on premises before its subscription ends."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from workflows.common.queues import queue_for
from workflows.common.reading import read_clean
from workflows.common.steps import RefusedStep, long_work
from workflows.migration.requests import MigrationRequests
from workflows.migration.state import MigrationCase

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.common.retries import LONG_WORK_RETRY
    from activities.migration.activities import Migrations
    from activities.migration.transfer import Transfers
    from contract import WorkQueue
    from contract.readable import Readable
    from contract.steps import MigrationEnd, MigrationReminder, Moved, Step, Transfer, claim_of_start
    from domain.cancellation.lifecycle import WorkflowIdMismatch
    from domain.cases import CaseRef
    from domain.migration import NOT_DONE, HandOver, MigrationStage, patience
    from domain.refusals import Refusal
    from domain.vocabulary import Event


DISCARD_TIMEOUT = timedelta(minutes=5)
"""The longest duration of one attempt at removing the transferred data."""


CANCELLED_WHILE_ANNOUNCING = "migration-cancelled-while-telling-2026-11"
"""The id of the patch (docs/upgrades.md)."""


ENDS_THOUGH_CANCELLED = "migration-ends-though-cancelled-2026-11"
"""The id of the patch (docs/upgrades.md)."""


class PatienceOver(Exception):  # noqa: N818 - an event, not a fault
    """The end of the wait for a hand-over that did not happen in time."""

    def __init__(self, hand_over: HandOver, limit: timedelta) -> None:
        self.reason = f"on-premises migration: {NOT_DONE[hand_over]} within {_in_words(limit)}"
        super().__init__(self.reason)


@workflow.defn(name=contract.ON_PREMISES_MIGRATION)
class OnPremisesMigration(MigrationRequests):
    """One migration. ``run`` is the story; the requests it takes are in `workflows.migration.requests`."""

    def __init__(self) -> None:
        super().__init__()
        self._transfer: workflow.ActivityHandle[Moved] | None = None
        self._announced: contract.MigrationMoved | None = None
        """The state that was last announced to the cancellation."""

    @workflow.run
    async def run(self, *received: Any) -> contract.MigrationStatus:
        """Run the migration from its request to its end, and return its final status."""
        await self._requested(received)
        given_up: tuple[MigrationStage, str] | None = None
        was_cancelled = False  # a workflow is cancelled once; later, this run ends in the worker's memory
        try:
            while not self.case.stage.is_final:
                await self._progressed()
        except PatienceOver as over:
            given_up = MigrationStage.ABANDONED, over.reason
        except (asyncio.CancelledError, FailureError) as error:
            if not is_cancelled_exception(error):
                raise
            given_up, was_cancelled = (MigrationStage.WITHDRAWN, "its cancellation does not continue"), True
        while True:
            try:
                if given_up is not None:
                    await self._give_up(*given_up)
                await self._announce()
                return await self._finished()
            except (asyncio.CancelledError, FailureError) as error:
                is_request = is_cancelled_exception(error) and workflow.cancellation_reason() is not None
                if was_cancelled or not is_request or not workflow.patched(ENDS_THOUGH_CANCELLED):
                    raise
                was_cancelled = True

    async def _requested(self, received: Sequence[Any]) -> None:
        """Request the migration, or continue one whose workflow was lost; end with the refusal if there can be none."""
        info = workflow.info()
        try:
            message = read_clean(self._input(received), contract.RequestMigration)
            subscription = CaseRef.parse(message.cancellation).subject
            if info.workflow_id != contract.migration_workflow_id(subscription):
                raise WorkflowIdMismatch(info.workflow_id, contract.migration_workflow_id(subscription))
            step = Step(
                cancellation=message.cancellation,
                name="migration-requested",
                actor=message.actor,
                claim=None if info.parent else claim_of_start(info.workflow_id, message),
                at=info.workflow_start_time,
            )
            try:
                moved = await self._read_case(Migrations.request_migration, step, summary="request the migration")
            except Refusal as refusal:
                tried = step.model_copy(update={"name": f"{step.name}:{info.run_id}"})
                summary = "keep the refused migration"
                await self._refused.audit(refusal, tried, "migration.refused", subscription, summary=summary)
                raise
        except Refusal as refusal:
            await self._refuse_to_open(refusal)
        self._open(MigrationCase(state=moved.migration, subscription=subscription), moved)

    async def _progressed(self) -> None:
        """Take the migration through its stages, from the recorded one on; a step that is refused holds it up."""
        try:
            await self._accepted()
            await self._time_arrived()
            await self._transferred()
            await self._downloaded()
            await self._reported_complete()
        except RefusedStep as refused:
            await self._held_up(refused)

    async def _accepted(self) -> None:
        """Wait for the support queue to accept the request."""
        await self._handed_over(MigrationStage.REQUESTED)

    async def _time_arrived(self) -> None:
        """Wait for the requested time, which may be corrected meanwhile."""
        while self.case.stage is MigrationStage.SCHEDULED:
            await self._announce()
            at = self.case.state.transfer_at or workflow.now()

            def moved(at: datetime = at) -> bool:
                return self.case.state.transfer_at != at or self.case.stage is not MigrationStage.SCHEDULED

            if await self.sleep(moved, at, "the data is transferred"):
                continue
            async with self._lock:  # a correction that is just being recorded comes first
                if not moved():
                    step = self.step(f"transfer-{self.case.state.transfers + 1}-started")
                    await self._move(Migrations.start_transfer, step, summary="begin the transfer")

    async def _transferred(self) -> None:
        """Have the data copied to the secure site, for as long as it takes, or until a new transfer is requested."""
        if self.case.stage is not MigrationStage.TRANSFERRING:
            return
        await self._announce()
        number = self.case.state.transfers
        step = self.step(f"transfer-{number}")
        self._transfer = long_work(
            Transfers.transfer_data,
            Transfer(step=step, number=number),
            summary=f"transfer {number} of the data",
            # Nothing is cleaned up before the activity reports that pg_dump and its own objects are gone.
            when_cancelled=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        try:
            await self._handed_over(MigrationStage.TRANSFERRING, or_else=self._transfer.done)
        except workflow.ContinueAsNewError:
            await self._transfer_stopped()
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise
        await self._transfer_stopped()
        # A transfer that is to be repeated does not count, even if it succeeded at the same moment.
        if self._transfer.exception() is None and self.case.stage is MigrationStage.TRANSFERRING:
            moved = self._transfer.result()
            self.notify(moved)
            self.case.take(moved.migration)
        await self._discard_if_again()

    async def _transfer_stopped(self) -> None:
        """Cancel the transfer unless it has ended, and wait for its end."""
        if (transfer := self._transfer) is not None and not transfer.done():
            transfer.cancel()
            await workflow.wait_condition(transfer.done)  # to await the transfer itself would hide our own cancellation

    async def _downloaded(self) -> None:
        """Wait for the IT department to acknowledge the download."""
        await self._handed_over(MigrationStage.AVAILABLE)
        await self._discard_if_again()

    async def _reported_complete(self) -> None:
        """Wait for the support queue's report."""
        await self._handed_over(MigrationStage.DOWNLOADED)
        await self._discard_if_again()

    def _is_idle(self) -> bool:
        is_transferring = self._transfer is not None and not self._transfer.done() and not self.interrupts_long_work
        return super()._is_idle() and not is_transferring

    async def _discard_if_again(self) -> None:
        if self.case.stage is MigrationStage.SCHEDULED:
            await self._discard()

    async def _give_up(self, stage: MigrationStage, why: str) -> None:
        """Remove everything that was transferred, and end the migration; a step that is refused is tried again."""
        self._ending = stage
        while not self.case.stage.is_final:
            try:
                async with self._lock:
                    if not self.case.stage.is_final:  # completed at this very moment: that stands
                        await self._clean_up_and_end(stage, why)
            except RefusedStep as refused:
                await self._held_up(refused)

    async def _clean_up_and_end(self, stage: MigrationStage, why: str) -> None:
        await self._transfer_stopped()
        await self._discard()
        ended = MigrationEnd(step=self.step(stage.value, why=why), stage=stage)
        self.case.ended_because = why
        await self._move(Migrations.end_migration, ended, summary=f"end the migration: {stage.value}")

    async def _discard(self) -> None:
        await workflow.execute_activity_method(
            Transfers.discard_transfers,
            self.case.id,
            task_queue=queue_for(WorkQueue.LONG),
            start_to_close_timeout=DISCARD_TIMEOUT,
            retry_policy=LONG_WORK_RETRY,
            summary=Readable("remove the transferred data"),
        )

    async def _handed_over(self, stage: MigrationStage, *, or_else: Callable[[], bool] = lambda: False) -> None:
        """Wait for the end of a stage, reminding the party that must act, then escalating; raises PatienceOver at last."""
        while self.case.stage is stage and not or_else():
            await self._announce()
            hand_over, since = self.case.hand_over, self.case.state.stage_since
            if hand_over is None or self.case.stage is not stage:  # a request moved the migration meanwhile
                continue
            patient = patience(self.case.state.policy, hand_over)

            def over(since: datetime = since) -> bool:
                return or_else() or self.case.stage is not stage or self.case.state.stage_since != since

            for after, event, what in (
                (patient.reminder, Event.MIGRATION_REMINDER, "reminder"),
                (patient.escalation, Event.MIGRATION_ESCALATED, "escalation"),
            ):
                if after < patient.limit and not await self.sleep(over, since + after, f"{what} of the {hand_over}"):
                    step = self.step(f"{hand_over}-{what}-{int(since.timestamp())}")
                    reminder = MigrationReminder(step=step, event=event, hand_over=hand_over)
                    async with self._lock:
                        if not over():
                            summary = f"{what} of the {hand_over}"
                            await self._move(Migrations.remind_of_migration, reminder, summary=summary)
            if await self.sleep(over, since + patient.limit, f"time limit of the {hand_over}"):
                continue
            async with self._lock:  # a request that is just being recorded comes first
                if not over():
                    self._ending = MigrationStage.ABANDONED
                    raise PatienceOver(hand_over, patient.limit)

    async def _announce(self) -> None:
        """Show the state, also to the cancellation that waits for the migration, unless that is gone."""
        self.publish()
        parent = workflow.info().parent
        if parent is None or self.case.moved() == self._announced:
            return
        self._announced = self.case.moved()
        # Not by the id of its run: a reset gives the cancellation another one.
        handle = workflow.get_external_workflow_handle(parent.workflow_id)
        try:
            await handle.signal(contract.SIGNAL_MIGRATION_MOVED, self._announced)
        except ApplicationError:
            workflow.logger.info("the cancellation of %s is over", self.case.id)
        # The SDK raises nothing for a cancellation that comes while a signal is on its way.
        missed = workflow.cancellation_reason() is not None and self._ending is None and not self.case.stage.is_final
        if missed and workflow.patched(CANCELLED_WHILE_ANNOUNCING):
            raise asyncio.CancelledError


def _in_words(duration: timedelta) -> str:
    return f"{duration.days} days" if duration.days else f"{int(duration.total_seconds())} seconds"


WORKFLOWS = (OnPremisesMigration,)

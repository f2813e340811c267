"""The `OnPremisesMigration` workflow: an organization's data on its way to its own house, before its subscription ends."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.cancellation import Records
    from activities.common.retries import LONG_WORK_RETRY
    from activities.migration.activities import Migrations
    from activities.migration.transfer import Transfers
    from contract.steps import MigrationEnd, MigrationReminder, RefusedRequest, Step, Transfer
    from domain.cancellation.lifecycle import WorkflowIdMismatch
    from domain.civil_time import instant_in_words
    from domain.migration import NOT_DONE, HandOver, MigrationStage, patience
    from domain.refusals import Refusal
    from domain.vocabulary import Event
    from runtime.refusals import as_application_error

with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.common.notifier import Teller
    from workflows.common.steps import recorded
    from workflows.migration.requests import MigrationRequests
    from workflows.migration.state import MigrationCase

HEARTBEAT_TIMEOUT = timedelta(seconds=15)
"""So long after its worker was killed, another one begins a transfer anew."""

TRANSFER_TIMEOUT = timedelta(days=7)
"""How long one try of a transfer may take."""


class PatienceOver(Exception):  # noqa: N818 - what happened, and no fault
    """A hand-over that did not happen in time."""

    def __init__(self, hand_over: HandOver, limit: timedelta) -> None:
        self.reason = f"on-premises migration: {NOT_DONE[hand_over]} within {_in_words(limit)}"
        super().__init__(self.reason)


@workflow.defn(name=contract.ON_PREMISES_MIGRATION)
class OnPremisesMigration(MigrationRequests):
    """Carries one migration. ``run`` is the story; what others ask for while it runs is in `workflows.migration.requests`."""

    @workflow.run
    async def run(self, *received: Any) -> contract.MigrationStatus:
        """Carry the migration from its request to its end, and return how it ended."""
        await self._requested(received)
        try:
            await self._accepted()
            while not self.case.stage.is_final:
                await self._time_arrived()
                await self._transferred()
                await self._downloaded()
                await self._reported_complete()
        except PatienceOver as over:
            await self._give_up(MigrationStage.ABANDONED, over.reason)
        except (asyncio.CancelledError, FailureError) as error:
            if not is_cancelled_exception(error):
                raise
            await self._give_up(MigrationStage.WITHDRAWN, "its cancellation does not go on")
        await self._tell_cancellation()
        await self._teller.finished()
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._publish()
        return self._status()

    async def _requested(self, received: Sequence[Any]) -> None:
        """Request the migration, or go on with one whose workflow was lost; end with the reason if there can be none."""
        info = workflow.info()
        try:
            message = contract.read(received, contract.RequestMigration)
            subscription = message.cancellation.rpartition("/")[0]
            if info.workflow_id != contract.migration_workflow_id(subscription):
                raise WorkflowIdMismatch(info.workflow_id, contract.migration_workflow_id(subscription))
            step = Step(
                cancellation=message.cancellation, name="migration-requested", actor=message.actor, at=workflow.now()
            )
            try:
                moved = await recorded(Migrations.request_migration, step, summary="request the migration")
            except Refusal as refusal:
                await self._keep_refused_request(subscription, step, refusal)
                raise
        except Refusal as refusal:
            self._refused_to_begin = refusal.details
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise as_application_error(refusal) from None
        self._teller = Teller(message.cancellation, delivered=self._show)
        self._case = MigrationCase(state=moved.migration, subscription=subscription)
        self._took(moved)

    async def _keep_refused_request(self, subscription: str, step: Step, refusal: Refusal) -> None:
        refused = RefusedRequest(
            subscription=subscription,
            step=step.model_copy(update={"name": f"{step.name}:{workflow.info().run_id}:refused"}),
            action="migration.refused",
            refusal=refusal.details,
        )
        await recorded(Records.record_refusal, refused, summary="keep the refused migration")

    async def _accepted(self) -> None:
        """Wait for the support queue to take the request on."""
        await self._handed_over(MigrationStage.REQUESTED)

    async def _time_arrived(self) -> None:
        """Wait for the requested time, which may be corrected meanwhile."""
        while self.case.stage is MigrationStage.SCHEDULED:
            await self._announce()
            at = self.case.state.transfer_at or workflow.now()
            if await self._sleep(lambda at=at: self.case.state.transfer_at != at, at, "the data is transferred"):  # type: ignore[misc]
                continue
            async with self._lock:  # a correction that is just being written down comes first
                if self.case.state.transfer_at == at:
                    step = self._step(f"transfer-{self.case.state.transfers + 1}-started")
                    self._took(await recorded(Migrations.start_transfer, step, summary="begin the transfer"))

    async def _transferred(self) -> None:
        """Have the data copied to the secure site, for as long as it takes; or until it is to be copied anew."""
        if self.case.stage is not MigrationStage.TRANSFERRING:
            return
        await self._announce()
        number = self.case.state.transfers
        step = self._step(f"transfer-{number}")
        self._transfer = workflow.start_activity_method(
            Transfers.transfer_data,
            Transfer(step=step, number=number),
            start_to_close_timeout=TRANSFER_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=LONG_WORK_RETRY,
            # Nothing is cleaned up behind its back: it says when pg_dump and its own objects are gone.
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=f"transfer {number} of the data",
        )
        await self._handed_over(MigrationStage.TRANSFERRING, or_else=self._transfer.done)
        await self._transfer_stopped()
        # What somebody asked to be transferred again counts no more, also if it succeeded at the same moment.
        if self._transfer.exception() is None and self.case.stage is MigrationStage.TRANSFERRING:
            self._took(self._transfer.result())
        await self._discard_if_again()

    async def _transfer_stopped(self) -> None:
        """Wait for the end of the transfer, which is cancelled unless it has ended."""
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

    async def _discard_if_again(self) -> None:
        if self.case.stage is MigrationStage.SCHEDULED:
            await self._discard()

    async def _give_up(self, stage: MigrationStage, why: str) -> None:
        """Take everything back that was transferred, and end the migration."""
        self._ending = stage
        async with self._lock:
            if self.case.stage.is_final:  # completed in the very moment: that stands
                return
            await self._transfer_stopped()
            await self._discard()
            ended = MigrationEnd(step=self._step(stage.value, why=why), stage=stage)
            self.case.ended_because = why
            self._took(await recorded(Migrations.end_migration, ended, summary=f"end the migration: {stage.value}"))

    async def _discard(self) -> None:
        await workflow.execute_activity_method(
            Transfers.discard_transfers,
            self.case.id,
            start_to_close_timeout=timedelta(minutes=5),
            retry_policy=LONG_WORK_RETRY,
            summary="take away what was transferred",
        )

    async def _handed_over(self, stage: MigrationStage, *, or_else: Callable[[], bool] = lambda: False) -> None:
        """Wait for a stage to end, reminding the one who must act, and escalating; raises PatienceOver in the end."""
        while self.case.stage is stage and not or_else():
            await self._announce()
            hand_over, since = self.case.hand_over, self.case.state.stage_since
            assert hand_over is not None  # noqa: S101 - the caller's stage has one
            patient = patience(self.case.state.policy, hand_over)

            def over(since: datetime = since) -> bool:
                return or_else() or self.case.stage is not stage or self.case.state.stage_since != since

            for after, event, what in (
                (patient.reminder, Event.MIGRATION_REMINDER, "reminder"),
                (patient.escalation, Event.MIGRATION_ESCALATED, "escalation"),
            ):
                if after < patient.limit and not await self._sleep(over, since + after, f"{what} of the {hand_over}"):
                    step = self._step(f"{hand_over}-{what}-{int(since.timestamp())}")
                    reminder = MigrationReminder(step=step, event=event, hand_over=hand_over)
                    async with self._lock:
                        if not over():
                            summary = f"{what} of the {hand_over}"
                            self._took(await recorded(Migrations.remind_of_migration, reminder, summary=summary))
            if await self._sleep(over, since + patient.limit, f"time limit of the {hand_over}"):
                continue
            async with self._lock:  # a request that is just being written down comes first
                if not over():
                    self._ending = MigrationStage.ABANDONED
                    raise PatienceOver(hand_over, patient.limit)

    async def _announce(self) -> None:
        self._publish()
        await self._tell_cancellation()

    async def _tell_cancellation(self) -> None:
        """Tell the cancellation that waits, so that it can say what for; one that is gone needs nothing."""
        self._publish()
        parent = workflow.info().parent
        if parent is None or self.case.moved() == self._told:
            return
        self._told = self.case.moved()
        handle = workflow.get_external_workflow_handle(parent.workflow_id, run_id=parent.run_id)
        try:
            await handle.signal(contract.SIGNAL_MIGRATION_MOVED, self._told)
        except ApplicationError:
            workflow.logger.info("the cancellation of %s is over", self.case.id)

    async def _sleep(self, done: Callable[[], bool], until: datetime, what: str) -> bool:
        """Wait until ``done``, at most until an instant; return whether it is done."""
        if done():
            return True
        timeout = until - workflow.now()
        if timeout <= timedelta(0):
            return False
        self._publish()
        try:
            await workflow.wait_condition(
                done, timeout=timeout, timeout_summary=f"{what}: {instant_in_words(until, self.case.zone)}"
            )
        except TimeoutError:
            return done()
        return True


def _in_words(duration: timedelta) -> str:
    return f"{duration.days} days" if duration.days else f"{int(duration.total_seconds())} seconds"


WORKFLOWS = (OnPremisesMigration,)

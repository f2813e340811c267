"""The part of a cancellation that waits for the on-premises migration of its organization's data (rules, section 10)."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    import contract
    from domain.migration import MigrationRunning, MigrationStage
    from domain.vocabulary import DataChoice, Stage
    from runtime.refusals import as_refusal

with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.cancellation.requests import CancellationRequests
    from workflows.common.case_workflow import THE_SERVICE

TRY_AGAIN = timedelta(hours=1)
"""How often to ask again for a migration that could not begin, because another one of the same data runs."""

Handle = workflow.ChildWorkflowHandle[object, contract.MigrationStatus]


class Migrating(CancellationRequests):
    """First migrate, then cancel: the cancellation waits for as long as its migration runs."""

    async def _data_migrated(self) -> bool:
        """Have the data migrated, if it was asked for; False when the customer withdrew, or patience was over."""
        if self.case.checklist.data is not DataChoice.MIGRATE:
            return True
        self.case.stage, self.case.stage_deadline = Stage.PREPARING, None
        while self._withdrawal is None:
            ended = await self._migration()
            match ended.stage if ended else None:
                case MigrationStage.COMPLETED:
                    self.case.migration, self.case.copies_made = None, True
                    return self._withdrawal is None
                case MigrationStage.ABANDONED:
                    self._abandoned_because = ended.ended_because if ended else ""
                    return False
                case _:
                    await self._until_withdrawn(TRY_AGAIN)
        return False

    async def _migration(self) -> contract.MigrationStatus | None:
        """Run the migration and return how it ended; None if it could not begin, which is then shown."""
        try:
            child = await self._started()
            if not await self._ended_before_withdrawal(child):
                child.cancel()
            return await child
        except WorkflowAlreadyStartedError:
            refusal = MigrationRunning(self.case.opened.organization, "an earlier request").details
        except ChildWorkflowError as error:
            found = as_refusal(error.cause) if error.cause is not None else None
            if found is None:  # an operator has terminated it: it goes on from its records
                self._show_obstacle("support: the migration's workflow was ended by an operator; it is begun again")
                return None
            refusal = found
        self.case.last_refusal = refusal
        self._show_obstacle(f"support: {refusal.message}")
        return None

    async def _started(self) -> Handle:
        subscription = self.case.subscription
        return await workflow.start_child_workflow(
            contract.ON_PREMISES_MIGRATION,
            contract.RequestMigration(cancellation=self.case.id, actor=THE_SERVICE),
            id=contract.migration_workflow_id(subscription),
            result_type=contract.MigrationStatus,
            # Whatever ends this workflow, its migration is told to clean up, and takes the time it needs.
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            static_summary=f"Migrate the data of {self.case.opened.organization} on premises, for {self.case.id}",
            static_details=(
                "Stages: `requested` → `scheduled` → `transferring` → `available` → `downloaded` → `completed`; `withdrawn` "
                "with its cancellation, or `abandoned` when a hand-over takes too long.\n\nCurrent Details say where it "
                f"stands and who must act. Steer it with `offramp migrations`, see `offramp migrations show {subscription}`"
            ),
        )

    async def _ended_before_withdrawal(self, child: Handle) -> bool:
        self._publish()
        await workflow.wait_condition(lambda: child.done() or self._withdrawal is not None)
        return child.done()

    async def _until_withdrawn(self, at_most: timedelta) -> None:
        self._publish()
        if self._withdrawal is not None:
            return
        try:
            await workflow.wait_condition(
                lambda: self._withdrawal is not None, timeout=at_most, timeout_summary="ask again for the migration"
            )
        except TimeoutError:
            return

    def _show_obstacle(self, waiting_for: str) -> None:
        self.case.migration = contract.MigrationMoved(stage=MigrationStage.REQUESTED, waiting_for=waiting_for)

"""The on-premises migration in a cancellation: first migrate, then cancel (rules, section 10)."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, ChildWorkflowError, WorkflowAlreadyStartedError

from workflows.cancellation.owner import CancellationOwner

with workflow.unsafe.imports_passed_through():
    import contract
    from contract.readable import Readable
    from domain.actors import THE_SERVICE
    from domain.cancellation.lifecycle import InputMalformed
    from domain.migration import MigrationRunning, MigrationStage
    from domain.vocabulary import DataChoice, Stage
    from runtime.refusals import as_refusal


TRY_AGAIN = timedelta(hours=1)
"""The interval of requests for a migration that cannot begin while another one of the same data runs."""

WITHDRAWN_BY_OPERATOR = "migration-withdrawn-by-operator-2026-11"
"""The id of the patch (docs/upgrades.md)."""

LONGEST_WAIT = timedelta(days=1)
"""The longest interval of requests for a migration that runs already: the signal of its end could be lost."""

CLOSES_WITHIN = timedelta(seconds=1)

CLEANED_UP = timedelta(seconds=20)
"""The longest wait of a withdrawal for the end of a migration that is no child; the reconciliation ends it later."""

OUTLIVES_PARENT = "migration-outlives-its-cancellation-2026-11"
"""The id of the patch (docs/upgrades.md)."""

Handle = workflow.ChildWorkflowHandle[object, contract.MigrationStatus]


class DataMigration:
    """The collaborator that has the data migrated, and waits for the end of the migration."""

    def __init__(self, owner: CancellationOwner) -> None:
        self._owner = owner

    async def finished(self) -> bool:
        """Have the data migrated where that is requested; return False when the customer withdrew or a time limit passed."""
        owner, case = self._owner, self._owner.case
        if case.checklist.data is not DataChoice.MIGRATE:
            return True
        case.enter(Stage.PREPARING)
        while not owner.is_withdrawn:
            ended = await self._migration()
            match ended.stage if ended else None:
                case MigrationStage.COMPLETED:
                    case.migration, case.copies_made = None, True
                    return not owner.is_withdrawn
                case MigrationStage.ABANDONED:
                    case.abandoned_because = ended.ended_because if ended else ""
                    return False
                case MigrationStage.WITHDRAWN if self._continues() and workflow.patched(WITHDRAWN_BY_OPERATOR):
                    # Its records have ended too: to start it again would change nothing, however often.
                    self._show_obstacle(
                        "support: an operator withdrew the migration. Withdraw this cancellation; the next one can migrate "
                        "the data, export it, or keep none",
                        MigrationStage.WITHDRAWN,
                    )
                    await self._until_withdrawn(None)
                case _:
                    await self._until_withdrawn(TRY_AGAIN)
        return False

    def take_move(self, received: Sequence[Any]) -> None:
        """Show the state of the migration that its workflow reports."""
        case = self._owner.case
        if case.stage is Stage.PREPARING:
            with suppress(InputMalformed):
                moved = contract.read(received, contract.MigrationMoved)
                if moved.cancellation in (None, case.id):
                    case.migration = moved
                    self._owner.publish()

    async def _migration(self) -> contract.MigrationStatus | None:
        """Run the migration and return its final status; None if it could not begin, with the obstacle shown."""
        case = self._owner.case
        for attempt in count(1):
            try:
                child = await self._started()
                if not await self._ended_before_withdrawal(child):
                    child.cancel()
                return await child
            except WorkflowAlreadyStartedError:
                refusal = MigrationRunning(case.opened.organization, "an earlier request").details
                if workflow.patched(OUTLIVES_PARENT):
                    await self._joined(min(attempt * TRY_AGAIN, LONGEST_WAIT))
                    if self._owner.is_withdrawn:
                        return None
                    continue
            except ChildWorkflowError as error:
                found = as_refusal(error.cause) if error.cause is not None else None
                if found is None:  # an operator has terminated it: it continues from its records
                    self._show_obstacle("support: an operator terminated the migration's workflow; it is restarted")
                    return None
                refusal = found
            case.last_refusal = refusal
            self._show_obstacle(f"support: {refusal.message}")
            return None
        return None

    async def _started(self) -> Handle:
        case = self._owner.case
        return await workflow.start_child_workflow(
            contract.ON_PREMISES_MIGRATION,
            contract.RequestMigration(cancellation=case.id, actor=THE_SERVICE),
            id=contract.migration_workflow_id(case.subscription),
            result_type=contract.MigrationStatus,
            # It is cancelled where the case needs it no more. It outlives a run that is terminated: the case continues.
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            static_summary=Readable(f"Migrate the data of {case.opened.organization} on premises, for {case.id}"),
            static_details=Readable(
                "Stages: `requested` → `scheduled` → `transferring` → `available` → `downloaded` → `completed`; `withdrawn` "
                "with its cancellation, or `abandoned` when a hand-over takes too long.\n\nCurrent Details show its "
                f"state and the party that must act. Steer it with `offramp migrations`, see `offramp migrations show {case.subscription}`"
            ),
        )

    async def _joined(self, at_most: timedelta) -> None:
        """Wait for the migration of an earlier run of this case, which an operator ended; cancel it on withdrawal."""
        owner, case = self._owner, self._owner.case
        if case.migration is None:
            self._show_obstacle("support: the migration that is under way")

        def has_ended() -> bool:
            return case.migration is not None and case.migration.stage.is_final

        owner.publish()
        await owner.until(lambda: has_ended() or owner.is_withdrawn, at_most=at_most, what="join the migration")
        if owner.is_withdrawn and not has_ended():
            running = workflow.get_external_workflow_handle(contract.migration_workflow_id(case.subscription))
            with suppress(ApplicationError, TimeoutError):  # it has ended at this very moment
                await running.cancel()
                await workflow.wait_condition(
                    has_ended, timeout=CLEANED_UP, timeout_summary=Readable("its migration cleans up")
                )
        elif has_ended():
            case.migration = None
            await workflow.sleep(CLOSES_WITHIN, summary=Readable("the end of the migration, which it announces before"))

    async def _ended_before_withdrawal(self, child: Handle) -> bool:
        self._owner.publish()
        await self._owner.until(lambda: child.done() or self._owner.is_withdrawn)
        return child.done()

    async def _until_withdrawn(self, at_most: timedelta | None) -> None:
        owner = self._owner
        owner.publish()
        if not owner.is_withdrawn:
            what = "ask again for the migration" if at_most else ""
            await owner.until(lambda: owner.is_withdrawn, at_most=at_most, what=what)

    def _continues(self) -> bool:
        """Return true unless the cancellation is withdrawn, which takes its migration along."""
        return not self._owner.is_withdrawn

    def _show_obstacle(self, waiting_for: str, stage: MigrationStage = MigrationStage.REQUESTED) -> None:
        self._owner.case.migration = contract.MigrationMoved(stage=stage, waiting_for=waiting_for)

"""The comparison of an open migration with its cancellation and its workflow."""

import asyncio
from datetime import UTC, datetime, timedelta

import contract
from activities.reconciliation.case_checks import TERMINATED_BECAUSE, CaseChecks
from activities.reconciliation.case_workflows import CaseWorkflows, Run
from contract.steps import Suspect
from domain.reconciliation import Finding, FindingKind
from domain.words import FOR_AGENTS
from records.reconciliation.leftovers import RecordedMigration, recorded_migration

OPENS_WITHIN = 20
"""The seconds in which a workflow that was just started opens its migration."""


class MigrationChecks:
    """The checks of the migrations in one reconciliation."""

    def __init__(self, checks: CaseChecks, workflows: CaseWorkflows, *, dry_run: bool, grace: timedelta) -> None:
        self._checks = checks
        self._workflows = workflows
        self._dry_run = dry_run
        self._grace = grace

    async def check(self, cancellation: str) -> tuple[list[Finding], Suspect | None]:
        """Look at a migration that has not ended."""
        before = await self._checks.read(lambda session: recorded_migration(session, cancellation))
        if before is None:
            return [], None
        workflow_id = contract.migration_workflow_id(before.subscription)
        run = await self._workflows.run_of(workflow_id)
        known = await self._known(workflow_id)
        # Read after Temporal was asked, as in the checks of cases.
        migration = await self._checks.read(lambda session: recorded_migration(session, cancellation))
        if migration is None or migration.stage.is_final:
            return [], None
        if migration.cancellation_stage.is_final:
            return await self._end(migration, run), None
        if run is not None and _goes_by_another(migration, known):
            return [], Suspect(
                case=cancellation, run_id=run.run_id, history_length=run.history_length, of_migration=True
            )
        paused = self._checks.paused(cancellation, run) if run is not None and run.is_running else []
        return [*self._overdue(migration, run), *paused], None

    async def look_again(self, suspect: Suspect) -> list[Finding]:
        """End a workflow that still goes by another stage than is recorded: its cancellation starts it from the record."""
        migration = await self._checks.read(lambda session: recorded_migration(session, suspect.case))
        if migration is None or migration.stage.is_final:
            return []
        workflow_id = contract.migration_workflow_id(migration.subscription)
        run = await self._workflows.run_of(workflow_id)
        if run is None or not run.has_done_nothing_since(suspect):
            return []
        mended = self._dry_run or await self._workflows.terminate(workflow_id, run.run_id, TERMINATED_BECAUSE)
        reason = "migration; its cancellation starts it within the hour"
        return [self._checks.found(FindingKind.RECORD_AHEAD, suspect.case, mended=mended, reason=reason)]

    async def _known(self, workflow_id: str) -> contract.KnownRecord | None:
        try:
            return await self._workflows.known_record(workflow_id)
        except TimeoutError:
            return None

    def _overdue(self, migration: RecordedMigration, run: Run | None) -> list[Finding]:
        """Name a hand-over whose time limit has passed; the cancellation starts a migration that does not run."""
        if migration.due is None or migration.due + self._grace > datetime.now(UTC):
            return []
        trouble = run.trouble if run is not None and run.is_running else "its workflow does not run"
        due = FOR_AGENTS.instant(migration.due, "UTC")
        reason = f"migration, {migration.stage}, {due}{f'; {trouble}' if trouble else ''}"
        return [self._checks.found(FindingKind.DEADLINE_PASSED, migration.cancellation, reason=reason)]

    async def _end(self, migration: RecordedMigration, run: Run | None) -> list[Finding]:
        """End a migration whose cancellation has ended: its own workflow removes what it transferred, and notifies."""
        workflow_id = contract.migration_workflow_id(migration.subscription)
        if self._dry_run:
            return [self._checks.found(FindingKind.MIGRATION_LEFT, migration.cancellation)]
        if run is None or not run.is_running:
            await self._workflows.start_migration(migration.subscription, migration.cancellation)
        ended = await self._is_open(workflow_id) and await self._workflows.cancel(workflow_id)
        return [self._checks.found(FindingKind.MIGRATION_LEFT, migration.cancellation, mended=ended)]

    async def _is_open(self, workflow_id: str) -> bool:
        """Wait until a workflow has opened its migration: cancelled before, it would end without removing anything."""
        for _ in range(OPENS_WITHIN):
            try:
                if await self._workflows.known_record(workflow_id) is not None:
                    return True
            except TimeoutError:
                return False
            await asyncio.sleep(1)
        return False


def _goes_by_another(migration: RecordedMigration, known: contract.KnownRecord | None) -> bool:
    return known is not None and (known.cancellation, known.stage) != (migration.cancellation, migration.stage.value)

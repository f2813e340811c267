"""The comparison of an open migration with its cancellation and its workflow."""

import asyncio
from datetime import UTC, datetime, timedelta

import contract
from activities.reconciliation.case_checks import CaseChecks
from activities.reconciliation.case_workflows import CaseWorkflows, Run
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

    async def check(self, cancellation: str) -> list[Finding]:
        """Look at a migration that has not ended."""
        before = await self._checks.read(lambda session: recorded_migration(session, cancellation))
        if before is None:
            return []
        workflow_id = contract.migration_workflow_id(before.subscription)
        run = await self._workflows.run_of(workflow_id)
        # Read after Temporal was asked, as in the checks of cases.
        migration = await self._checks.read(lambda session: recorded_migration(session, cancellation))
        if migration is None or migration.stage.is_final:
            return []
        if not migration.cancellation_stage.is_final:
            return self._overdue(migration, run)
        return await self._end(migration, run)

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

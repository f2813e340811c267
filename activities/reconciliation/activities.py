"""The activities of a reconciliation: each looks at one part, slice by slice, and may be repeated."""

import asyncio
import time
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeVar

from sqlalchemy import Engine
from temporalio import activity

import contract
from activities.common.long_work import DataWork
from activities.common.registration import Registered
from activities.reconciliation.case_checks import GRACE, CaseChecks
from activities.reconciliation.case_workflows import TYPES, CaseWorkflows
from activities.reconciliation.found import Found
from activities.reconciliation.migration_checks import MigrationChecks
from activities.reconciliation.outside_copies import CANCELLATIONS, OutsideCopies
from activities.reconciliation.surroundings import (
    forget_old_limited_uses,
    nightly_findings,
    schedule_findings,
    schema_findings,
    seal_audit_trail,
    unattended_work,
)
from contract import WorkQueue
from contract.steps import ReconciliationSlice, SliceOutcome, Suspect
from domain.cases import CaseKind
from domain.reconciliation import Finding, FindingKind
from domain.refusals import Refusal
from domain.vocabulary import Channel
from records.reconciliation.cases import newest_case_under, recorded_case, unfinished_among, unfinished_cases
from records.reconciliation.leftovers import (
    copies_of,
    open_migrations,
    recorded_migration,
)
from storage.objects import Objects
from storage.tenants.database import TenantDatabase

Result = TypeVar("Result")

PAGE = 100
AT_ONCE = 8
"""The number of cases that are looked at together."""
SLICE = timedelta(seconds=30)
"""The duration of one activity, after which the next one continues."""


async def _some_at_once(checks: Iterable[Awaitable[Result]]) -> list[Result]:
    """Wait for checks, a few at a time, with a heartbeat after each few."""
    results: list[Result] = []
    waiting = iter(checks)
    while some := list(islice(waiting, AT_ONCE)):
        results += await asyncio.gather(*some)
        activity.heartbeat(len(results))
    return results


class Reconciler(DataWork):
    """The activities of a reconciliation. They are asynchronous, because they use the worker's client of Temporal."""

    def __init__(
        self,
        engine: Engine,
        channels: frozenset[Channel],
        tenants: TenantDatabase | None,
        objects: Objects | None,
        zone: str,
        *,
        grace: timedelta = GRACE,
    ) -> None:
        super().__init__(engine, channels, tenants, objects)
        self._zone = zone
        self._grace = grace

    @property
    def registered(self) -> Registered:
        """The activities that a worker runs."""
        return {
            WorkQueue.NIGHTLY: [
                self.reconcile_cases,
                self.reconcile_suspects,
                self.reconcile_migrations,
                self.reconcile_workflows,
                self.reconcile_copies,
                self.reconcile_surroundings,
            ]
        }

    @activity.defn
    async def reconcile_cases(self, work: ReconciliationSlice) -> SliceOutcome:
        """Compare the cases that are not finished with their workflows, and start those that are missing."""
        kind, checks = work.kind or CaseKind.SUBSCRIPTION, self._checks(work)
        found, after, ends_at = Found(), work.after, time.monotonic() + SLICE.total_seconds()
        while page := await checks.read(partial(unfinished_cases, kind=kind, after=after, limit=PAGE)):
            for findings, suspect in await _some_at_once(checks.check(kind, case) for case in page):
                found.add(findings, suspect)
            after = page[-1]
            if found.is_full or time.monotonic() >= ends_at:
                return found.outcome(after)
        return found.outcome()

    @activity.defn
    async def reconcile_suspects(self, work: ReconciliationSlice) -> SliceOutcome:
        """Look a second time at the cases whose record was ahead of their workflow."""
        checks, found = self._checks(work), Found()
        migrations = self._migrations(work, checks)
        for suspect in work.suspects:
            found.add(await (migrations if suspect.of_migration else checks).look_again(suspect))
            activity.heartbeat(suspect.case)
        return found.outcome()

    @activity.defn
    async def reconcile_migrations(self, work: ReconciliationSlice) -> SliceOutcome:
        """Compare open migrations with their cancellations and workflows, and end those that nothing waits for."""
        checks = self._checks(work)
        migrations = self._migrations(work, checks)
        found, after, ends_at = Found(), work.after, time.monotonic() + SLICE.total_seconds()
        while page := await checks.read(partial(open_migrations, after=after, limit=PAGE)):
            for cancellation in page:
                found.add(*await migrations.check(cancellation))
                activity.heartbeat(cancellation)
            after = page[-1]
            if found.is_full or time.monotonic() >= ends_at:
                return found.outcome(after)
        return found.outcome()

    @activity.defn
    async def reconcile_workflows(self, work: ReconciliationSlice) -> SliceOutcome:
        """Name the running workflows whose case is not in the database."""
        checks, workflows, found = self._checks(work), self._workflows(work), Found()
        for kind, workflow_type in TYPES.items():
            async for ids in workflows.running(workflow_type):
                activity.heartbeat(ids[-1])
                known = await checks.read(partial(unfinished_among, kind=kind, workflow_ids=ids))
                unknown = (self._check_unrecorded(checks, workflows, kind, one) for one in ids if one not in known)
                for findings, suspect in await _some_at_once(unknown):
                    found.add(findings, suspect)
        async for ids in workflows.running(contract.ON_PREMISES_MIGRATION):
            for findings in await _some_at_once(self._check_migration_workflow(checks, workflows, one) for one in ids):
                found.add(findings)
        return found.outcome()

    @activity.defn
    async def reconcile_copies(self, work: ReconciliationSlice) -> SliceOutcome:
        """Remove the copies of data that must be gone, and name those that no case explains."""
        checks, copies = self._checks(work), OutsideCopies(self._engine, self._objects)
        found, after, ends_at = Found(), work.after, time.monotonic() + SLICE.total_seconds()
        try:
            while page := await copies.cases(after=after, limit=PAGE):
                for subject, cases in page:
                    for case in cases:
                        found.add(await self._check_copies(checks, copies, self._workflows(work), case, work.dry_run))
                    activity.heartbeat(subject)
                after = page[-1][0]
                if found.is_full or time.monotonic() >= ends_at:
                    return found.outcome(after)
        except Refusal as refusal:
            found.add([checks.found(FindingKind.PART_UNAVAILABLE, "object store", reason=refusal.details.code)])
        return found.outcome()

    @activity.defn
    async def reconcile_surroundings(self, work: ReconciliationSlice) -> SliceOutcome:
        """Seal the audit trail; look at the schedules, the nightly update, and the schemas that may be read."""
        checks, found = self._checks(work), Found()
        if not work.dry_run:
            await seal_audit_trail(self._engine)
            await forget_old_limited_uses(self._engine)
        found.findings += await unattended_work(checks, self._workflows(work), dry_run=work.dry_run)
        found.findings += await schedule_findings(checks, activity.client())
        found.findings += await nightly_findings(checks, activity.client(), self._zone)
        found.findings += await schema_findings(checks, self._tenants)
        return found.outcome()

    def _workflows(self, work: ReconciliationSlice) -> CaseWorkflows:
        return CaseWorkflows(activity.client(), work.task_queue)

    def _migrations(self, work: ReconciliationSlice, checks: CaseChecks) -> MigrationChecks:
        return MigrationChecks(checks, self._workflows(work), dry_run=work.dry_run, grace=self._grace)

    def _checks(self, work: ReconciliationSlice) -> CaseChecks:
        return CaseChecks(
            self._engine,
            self._workflows(work),
            OutsideCopies(self._engine, self._objects),
            dry_run=work.dry_run,
            grace=self._grace,
        )

    async def _check_unrecorded(
        self, checks: CaseChecks, workflows: CaseWorkflows, kind: CaseKind, workflow_id: str
    ) -> tuple[list[Finding], Suspect | None]:
        """Look at a running workflow whose newest recorded case is finished, or that has none."""
        run = await workflows.run_of(workflow_id)
        if run is None or not run.is_running:
            return [], None  # it was listed late
        try:
            known = await workflows.known_record(workflow_id)
        except TimeoutError:
            return [checks.found(FindingKind.WORKFLOW_SUSPENDED, workflow_id, reason=run.trouble)], None
        if known is None:  # it is about to open its case, or has ended meanwhile
            late = run.started_at + self._grace < datetime.now(UTC)
            return (
                [checks.found(FindingKind.WORKFLOW_SUSPENDED, workflow_id, reason=run.trouble)] if late else []
            ), None
        case = await checks.read(lambda session: recorded_case(session, kind, known.cancellation))
        if case is None:
            return [checks.found(FindingKind.CASE_MISSING, known.cancellation)], None
        newest = await checks.read(lambda session: newest_case_under(session, kind, workflow_id))
        return await checks.check(kind, case.id) if newest == case.id else ([], None)

    async def _check_migration_workflow(
        self, checks: CaseChecks, workflows: CaseWorkflows, workflow_id: str
    ) -> list[Finding]:
        """Name the workflow of a migration that is not recorded; the others are looked at by their records."""
        run = await workflows.run_of(workflow_id)
        if run is None or not run.is_running:
            return []
        try:
            known = await workflows.known_record(workflow_id)
        except TimeoutError:
            return [checks.found(FindingKind.WORKFLOW_SUSPENDED, workflow_id, reason=run.trouble)]
        if known is None:
            return []
        migration = await checks.read(lambda session: recorded_migration(session, known.cancellation))
        return (
            []
            if migration is not None
            else [checks.found(FindingKind.CASE_MISSING, known.cancellation, reason="migration")]
        )

    async def _check_copies(
        self, checks: CaseChecks, copies: OutsideCopies, workflows: CaseWorkflows, case: str, dry_run: bool
    ) -> list[Finding]:
        prefix = f"{CANCELLATIONS}/{case}/"
        recorded = await checks.read(lambda session: copies_of(session, case))
        if recorded is None:
            return [checks.found(FindingKind.COPIES_UNEXPLAINED, prefix)]
        if not recorded.must_be_gone:
            return [] if recorded.may_exist else [checks.found(FindingKind.COPIES_UNEXPLAINED, prefix)]
        run = await workflows.run_of(recorded.workflow_id)
        finished = await checks.read(lambda session: recorded_case(session, CaseKind.SUBSCRIPTION, case))
        if finished is None or not finished.is_finished or (finished.is_newest and run is not None and run.is_running):
            return []  # its workflow removes them, or has just been started for that
        if not dry_run:
            await copies.remove(case)
        return [checks.found(FindingKind.COPIES_LEFT, case)]

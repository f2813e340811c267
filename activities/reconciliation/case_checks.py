"""The comparison of one case with its workflow, and the mending of what disagrees.

The order makes it safe beside everything else: first Temporal is asked, then the record is read. A case that has just been
opened, ended or continued is then either seen to run or seen to be finished; and only one workflow runs under an id.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from activities.reconciliation.case_workflows import CaseWorkflows, Run
from activities.reconciliation.outside_copies import OutsideCopies
from contract import KnownRecord
from contract.steps import Suspect
from domain.cases import CaseKind, CaseRef
from domain.marketing import MarketingStage
from domain.reconciliation import MENDING, Finding, FindingKind, Outcome
from domain.vocabulary import Stage
from domain.words import FOR_AGENTS
from records import outbox
from records.cases import record_of
from records.reconciliation.cases import RecordedCase, recorded_case

Result = TypeVar("Result")

GRACE = timedelta(hours=1)
"""The time after a due date, or after a start, in which nothing is missed yet."""

TERMINATED_BECAUSE = "the reconciliation starts it again from the record"


class CaseChecks:
    """The checks of one reconciliation."""

    def __init__(
        self,
        engine: Engine,
        workflows: CaseWorkflows,
        copies: OutsideCopies,
        *,
        dry_run: bool,
        grace: timedelta = GRACE,
    ) -> None:
        self._engine = engine
        self._workflows = workflows
        self._copies = copies
        self._dry_run = dry_run
        self._grace = grace

    async def read(self, query: Callable[[Session], Result]) -> Result:
        """Return what a query finds now."""

        def run() -> Result:
            with Session(self._engine) as session:
                return query(session)

        return await asyncio.to_thread(run)

    def found(self, kind: FindingKind, subject: str, *, mended: bool = True, reason: str = "") -> Finding:
        """Return a finding; one that can be mended, and is none of a dry run, is ``mended`` unless something prevented it."""
        if kind not in MENDING or not (mended or self._dry_run):
            return Finding.of(kind, subject, Outcome.LEFT, reason)
        return Finding.of(kind, subject, Outcome.TO_BE_MENDED if self._dry_run else Outcome.MENDED, reason)

    async def check(self, kind: CaseKind, case_id: str) -> tuple[list[Finding], Suspect | None]:
        """Compare a case that may not be finished with its workflow."""
        case = await self.read(lambda session: recorded_case(session, kind, case_id))
        if case is None:
            return [], None
        run = await self._workflows.run_of(case.workflow_id)
        if case.is_newest and run is not None and run.is_running:
            return await self._check_running(case, run)
        # Read after Temporal was asked: a workflow that has ended meanwhile has left a finished record.
        now = await self.read(lambda session: recorded_case(session, kind, case_id))
        return ([] if now is None else await self._check_without_workflow(now, run)), None

    async def look_again(self, suspect: Suspect) -> list[Finding]:
        """Look a second time at a case whose record was ahead: if its workflow has done nothing since, it never will."""
        kind = CaseRef.parse(suspect.case).kind
        case = await self.read(lambda session: recorded_case(session, kind, suspect.case))
        run = await self._workflows.run_of(case.workflow_id) if case is not None else None
        if case is None or run is None or not run.has_done_nothing_since(suspect):
            return []
        return [await self._restart(FindingKind.RECORD_AHEAD, case, run)]

    async def _check_without_workflow(self, case: RecordedCase, run: Run | None) -> list[Finding]:
        if case.is_finished:
            return await self._check_erasure(case, run)
        if case.is_newest:
            started = self._dry_run or await self._workflows.start_again(case)
            # Otherwise a new request was quicker, whose workflow runs under the id: it deals with this case.
            if not started:
                return []
            ends_due = [self.found(FindingKind.END_DATE_MISSING, case.id)] if case.ends_due else []
            return [self.found(FindingKind.WORKFLOW_MISSING, case.id), *ends_due]
        return await self._finish_older(case)

    async def _check_erasure(self, case: RecordedCase, run: Run | None) -> list[Finding]:
        if not case.erasure_uncertain or not case.is_newest or (run is not None and run.has_completed):
            return []
        return [self.found(FindingKind.ERASURE_UNCERTAIN, case.id)]

    async def _finish_older(self, case: RecordedCase) -> list[Finding]:
        """Finish a case that has ended, while a later one has its workflow's id."""
        findings = []
        if case.messages_pending:
            if not self._dry_run:
                last = await self.read(lambda session: outbox.last_of(session, case.id))
                await self._workflows.deliver(case.id, last)
            findings.append(self.found(FindingKind.MESSAGES_LEFT, case.id))
        if case.copies_left:
            if not self._dry_run:
                await self._copies.discard(case.id)
            findings.append(self.found(FindingKind.COPIES_LEFT, case.id))
        return findings

    async def _check_running(self, before: RecordedCase, run: Run) -> tuple[list[Finding], Suspect | None]:
        try:
            known = await self._workflows.known_record(before.workflow_id)
        except TimeoutError:
            return await self._unanswered(before, run), None
        # Read after the workflow was asked: in normal operation the record is never behind.
        case = await self.read(lambda session: recorded_case(session, before.kind, before.id))
        if known is None or case is None:
            return [], None  # it is being opened, or has ended meanwhile
        if known.cancellation != case.id:
            return await self._check_other(before.kind, known.cancellation), None
        if _is_behind(case, known):
            return [await self._restart(FindingKind.RECORD_BEHIND, case, run)], None
        if _phase(case.kind, known.stage) < case.stage.phase or await self._is_outdated(case, known):
            return [], Suspect(case=case.id, run_id=run.run_id, history_length=run.history_length)
        return [*self._overdue(case, run), *self.paused(case.id, run), *await self._ends_due(case)], None

    async def _is_outdated(self, case: RecordedCase, known: KnownRecord) -> bool:
        """Return true if a workflow goes by another record than the present one, as after a reset without its requests."""
        if known.digest is None or known.revision == case.revision:
            return False
        record = await self.read(lambda session: record_of(session, case.id))
        return record is not None and record.digest not in (None, known.digest)

    def paused(self, subject: str, run: Run) -> list[Finding]:
        """Name the activities that an operator has paused: nothing else says so, and they wait without end."""
        return [self.found(FindingKind.ACTIVITY_PAUSED, subject, reason=name) for name in run.paused]

    async def _ends_due(self, case: RecordedCase) -> list[Finding]:
        """Have a workflow look at the lines whose credit memos are posted: their end dates were not set with these."""
        if not case.ends_due:
            return []
        mended = self._dry_run or await self._workflows.look_at_billing(case.workflow_id)
        return [self.found(FindingKind.END_DATE_MISSING, case.id, mended=mended)]

    async def _check_other(self, kind: CaseKind, case_id: str) -> list[Finding]:
        """Name a later case under the same workflow id, if it is not recorded: a workflow knows none before it is."""
        other = await self.read(lambda session: recorded_case(session, kind, case_id))
        return [self.found(FindingKind.CASE_MISSING, case_id)] if other is None else []

    async def _unanswered(self, case: RecordedCase, run: Run) -> list[Finding]:
        if overdue := self._overdue(case, run):
            return overdue
        return [self.found(FindingKind.WORKFLOW_SUSPENDED, case.id, reason=run.trouble)]

    def _overdue(self, case: RecordedCase, run: Run) -> list[Finding]:
        if case.due is None or case.due + self._grace > datetime.now(UTC):
            return []
        reason = f"{FOR_AGENTS.instant(case.due, 'UTC')}{f'; {run.trouble}' if run.trouble else ''}"
        return [self.found(FindingKind.DEADLINE_PASSED, case.id, reason=reason)]

    async def _restart(self, kind: FindingKind, case: RecordedCase, run: Run) -> Finding:
        mended = self._dry_run or (
            await self._workflows.terminate(case.workflow_id, run.run_id, TERMINATED_BECAUSE)
            and await self._workflows.start_again(case)
        )
        return self.found(kind, case.id, mended=mended)


def _is_behind(case: RecordedCase, known: KnownRecord) -> bool:
    """Return true if the workflow knows of more than is recorded, which is certain."""
    return (known.revision or 0) > case.revision or _phase(case.kind, known.stage) > case.stage.phase


def _phase(kind: CaseKind, stage: str) -> int:
    return MarketingStage(stage).phase if kind is CaseKind.MARKETING_SERVICE else Stage(stage).phase

"""The `Reconciliation` workflow: one pass over everything that should be running, and everything that should be gone."""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from temporalio import workflow

from workflows.common.queues import queue_for
from workflows.common.web_ui import as_details

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.common.retries import RECORD_RETRY
    from activities.reconciliation.activities import Reconciler
    from contract import WorkQueue
    from contract.readable import Readable
    from contract.steps import ReconciliationSlice, SliceOutcome, Suspect
    from domain.cases import CaseKind
    from domain.refusals import Refusal
    from runtime.refusals import as_application_error


LINE_CASES = "reconciliation-of-line-cases-2026-11"
"""The id of the patch (docs/upgrades.md)."""

SECOND_LOOK = timedelta(minutes=1)
"""The time after which a case whose record was ahead of its workflow is looked at again."""

SUSPECTS = 1000
"""The largest number of cases that are looked at again; the next reconciliation looks at the rest."""

Part = Callable[[Reconciler, ReconciliationSlice], Coroutine[Any, Any, SliceOutcome]]


@workflow.defn(name=contract.RECONCILIATION)
class Reconciliation:
    """One reconciliation. It keeps nothing but its report: the next one finds what this one could not mend."""

    def __init__(self) -> None:
        self._report = contract.ReconciliationReport(dry_run=False)
        self._suspects: list[Suspect] = []

    @workflow.run
    async def run(self, *received: Any) -> contract.ReconciliationReport:
        """Look at every part, mend or name what disagrees, and return the report."""
        try:
            request = contract.read(received, contract.Reconcile) if received else contract.Reconcile()
        except Refusal as refusal:
            raise as_application_error(refusal) from None
        self._report = contract.ReconciliationReport(dry_run=request.dry_run)
        work = ReconciliationSlice(dry_run=request.dry_run, task_queue=workflow.info().task_queue)
        for kind in CaseKind:
            if kind is CaseKind.SUBSCRIPTION_LINE and not workflow.patched(LINE_CASES):
                continue
            summary = f"compare the cases of each {kind.value.replace('_', ' ')} with their workflows"
            await self._look(Reconciler.reconcile_cases, work.model_copy(update={"kind": kind}), summary)
        await self._look(Reconciler.reconcile_migrations, work, "compare open migrations with their workflows")
        await self._look(Reconciler.reconcile_workflows, work, "look for workflows without a record")
        await self._look(Reconciler.reconcile_copies, work, "look for copies that must be gone")
        await self._look(Reconciler.reconcile_surroundings, work, "look at the nightly update and the schemas")
        if self._suspects:
            await workflow.sleep(SECOND_LOOK, summary=Readable("look again at what may have been under way"))
            again = work.model_copy(update={"suspects": tuple(self._suspects)})
            await self._look(Reconciler.reconcile_suspects, again, "look again at what may have been under way")
        return self._report

    async def _look(self, part: Part, work: ReconciliationSlice, summary: str) -> None:
        """Look at one part, slice by slice."""
        after: str | None = work.after
        while after is not None:
            outcome = await workflow.execute_activity_method(
                part,
                work.model_copy(update={"after": after}),
                task_queue=queue_for(WorkQueue.NIGHTLY),
                start_to_close_timeout=timedelta(minutes=10),
                heartbeat_timeout=timedelta(minutes=1),
                retry_policy=RECORD_RETRY,
                summary=Readable(summary),
            )
            self._report = self._report.with_findings(outcome.looked_at, outcome.findings, unlisted=outcome.unlisted)
            self._suspects = [*self._suspects, *outcome.suspects][:SUSPECTS]
            after = outcome.after
            self._show()

    def _show(self) -> None:
        report = self._report
        rows = [
            ("Looked at", str(report.looked_at)),
            ("Found", str(report.found)),
            ("Mended", str(report.mended)),
        ]
        heading = "Reconciliation, dry run" if report.dry_run else "Reconciliation"
        listed = "".join(f"\n- {finding.words}" for finding in report.findings[:20])
        workflow.set_current_details(f"{as_details(heading, rows)}{listed}")


WORKFLOWS = (Reconciliation,)

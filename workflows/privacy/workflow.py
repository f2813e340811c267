"""The `PersonalDataRetention` workflow: every day the personal data of cases whose time is over is removed."""

from datetime import timedelta
from typing import Any

from temporalio import workflow

from workflows.common.queues import queue_for

with workflow.unsafe.imports_passed_through():
    import contract
    from activities.common.retries import RECORD_RETRY
    from activities.privacy import Retention
    from contract import WorkQueue
    from contract.readable import Readable
    from contract.steps import Forgotten, RetentionSlice


MOST_SLICES = 500
"""The most slices of one run, four hours of work; the next day's run continues."""


@workflow.defn(name=contract.PERSONAL_DATA_RETENTION)
class PersonalDataRetention:
    """One run over the cases whose time is over as of its start. What it could not remove, the next one finds."""

    @workflow.run
    async def run(self, *_: Any) -> contract.RetentionReport:
        """Remove slice by slice, and return how many cases there were."""
        work, cases, failed = RetentionSlice(at=workflow.now()), 0, 0
        for _slice in range(MOST_SLICES):
            forgotten: Forgotten = await workflow.execute_activity_method(
                Retention.forget_cases,
                work,
                task_queue=queue_for(WorkQueue.NIGHTLY),
                start_to_close_timeout=timedelta(minutes=10),
                heartbeat_timeout=timedelta(minutes=1),
                retry_policy=RECORD_RETRY,
                summary=Readable("remove the personal data of cases whose time is over"),
            )
            cases, failed = cases + forgotten.cases, forgotten.failed
            said = f" Of {failed} others it could not be removed." if failed else ""
            workflow.set_current_details(f"Removed the personal data of {cases} cases.{said}")
            if not forgotten.more:
                break
        return contract.RetentionReport(forgotten=cases, failed=failed)


WORKFLOWS = (PersonalDataRetention,)

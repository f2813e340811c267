"""The reference: a workflow with the same waits as a plain lifecycle and two activities that do nothing."""

from datetime import timedelta

from temporalio import activity, workflow


@activity.defn
async def nothing() -> None:
    """Do nothing, through the server and back."""


@workflow.defn
class BareWaits:
    """Two activities with the reversal window between them, and nothing else."""

    @workflow.run
    async def run(self, window_seconds: float) -> None:
        """Wait as a lifecycle waits."""
        await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=10))
        await workflow.sleep(timedelta(seconds=window_seconds))
        await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=10))

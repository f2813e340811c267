"""The workflows of the references: one with the same waits as a plain lifecycle, and one that somebody would write by hand."""

from datetime import timedelta

from temporalio import activity, workflow

_WITHIN = timedelta(seconds=30)


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


@workflow.defn
class HandWritten:
    """Four transactions, two deliveries, and the reversal window between the last two."""

    @workflow.run
    async def run(self, key: str, window_seconds: float) -> None:
        """Carry one lifecycle out."""
        for step in ("receive", "schedule", "take_effect", "deliver"):
            await workflow.execute_activity(step, key, start_to_close_timeout=_WITHIN)
        await workflow.sleep(timedelta(seconds=window_seconds))
        for step in ("close", "deliver"):
            await workflow.execute_activity(step, key, start_to_close_timeout=_WITHIN)

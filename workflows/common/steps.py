"""Steps of a workflow: short ones on the records, patient while the database is down, and long work."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception
from temporalio.exceptions import TimeoutError as TakenTooLong
from temporalio.workflow import ActivityCancellationType

from workflows.common.queues import queue_for

with workflow.unsafe.imports_passed_through():
    from activities.common.retries import CODE_RETRY, LONG_WORK_RETRY, STEP_RETRY
    from contract import WorkQueue
    from contract.readable import Readable
    from contract.steps import CaseRecord
    from domain.refusals import ForwardedRefusal, RefusalDetails
    from runtime.refusals import as_refusal, is_fault, record_beside


Owner = TypeVar("Owner")
Argument = TypeVar("Argument")
Result = TypeVar("Result")

ONCE = RetryPolicy(maximum_attempts=1)


class RefusedStep(ForwardedRefusal):
    """The refusal of a step by the records, with the record that the step met, where it was about a case."""

    def __init__(self, details: RefusalDetails, record: CaseRecord | None) -> None:
        super().__init__(details)
        self.case_record = record

    @property
    def is_fault(self) -> bool:
        """True if the step met a fault that time does not mend, and no rule."""
        return is_fault(self.details)


LONG_WORK_HEARTBEAT = timedelta(seconds=15)
"""The time after which another worker takes over from one that died in the middle of long work."""

LONGEST_TRANSACTION = timedelta(minutes=2)
"""The longest duration of one attempt at a transaction: thousands of lines take seconds, on a busy machine many of them."""

GIVEN_UP = "activities-given-up-by-operators-2026-11"
"""The id of the patch (docs/upgrades.md)."""

GIVEN_UP_AGAIN = timedelta(minutes=1)
"""The time after which a step or a delivery that an operator gave up is tried again."""

LONGEST_ATTEMPT = timedelta(days=7)
"""The longest duration of one attempt at long work that keeps sending heartbeats."""


async def recorded(activity: Callable[[Owner, Argument], Result], argument: Argument, *, summary: str) -> Result:
    """Run one short, idempotent transaction and return its result.

    First as a local activity: one event and some milliseconds instead of six events and a round trip. If that fails for
    any reason but a refusal, the same step continues as a normal activity that is retried, so that the Web UI shows
    operators the waiting step and its reason, and nothing is lost while the database is down. A fault that time does not
    mend, such as a conflict with the records, refuses the step after some seconds: nobody waits for its end.

    Raises:
        RefusedStep.

    """
    try:
        return await workflow.execute_local_activity_method(
            activity,
            argument,
            start_to_close_timeout=timedelta(seconds=5),
            retry_policy=ONCE,
            summary=Readable(summary),
        )
    except FailureError as error:
        # The failure of a local activity is wrapped in an ActivityError while it runs, but bare when its marker is
        # replayed: a refusal, a timeout, any failure. Both must lead the same way.
        if is_cancelled_exception(error):
            raise
        _raise_refusal(error)
        _show_held_up(summary, error)
    return await patiently(
        activity,
        argument,
        work=WorkQueue.RECORDS,
        retry=STEP_RETRY,
        summary=summary,
        longest_attempt=LONGEST_TRANSACTION,
    )


async def code_mailed(activity: Callable[[Owner, Argument], Result], argument: Argument, *, summary: str) -> Result:
    """Run a step that mails a one-time code at once, retried without end while the mail server is down.

    Raises:
        RefusedStep.

    """
    return await patiently(activity, argument, work=WorkQueue.CODES, retry=CODE_RETRY, summary=summary)


async def patiently(
    activity: Callable[[Owner, Argument], Result],
    argument: Argument,
    *,
    work: WorkQueue,
    retry: RetryPolicy,
    summary: str,
    longest_attempt: timedelta = timedelta(seconds=30),
) -> Result:
    """Run a step as a normal activity, retried as its policy says, and return its result.

    Raises:
        RefusedStep.

    """
    while True:
        try:
            return await result_of(
                workflow.start_activity_method(
                    activity,
                    argument,
                    task_queue=queue_for(work),
                    start_to_close_timeout=longest_attempt,
                    retry_policy=retry,
                    summary=Readable(summary),
                )
            )
        except ActivityError as error:
            if not is_given_up(error):
                raise
            _show_held_up(summary, error)
        await workflow.sleep(GIVEN_UP_AGAIN, summary=Readable(f"try again: {summary}"))


def is_given_up(error: ActivityError) -> bool:
    """Return true if an activity has ended for good that is retried without end: an operator failed it, or limited its attempts."""
    return not is_cancelled_exception(error) and workflow.patched(GIVEN_UP)


def long_work(
    activity: Callable[[Owner, Argument], Result],
    argument: Argument,
    *,
    summary: str,
    when_cancelled: ActivityCancellationType = ActivityCancellationType.TRY_CANCEL,
) -> workflow.ActivityHandle[Result]:
    """Start an activity that may take days, sends heartbeats, and is taken over when its worker dies."""
    return workflow.start_activity_method(
        activity,
        argument,
        task_queue=queue_for(WorkQueue.LONG),
        start_to_close_timeout=LONGEST_ATTEMPT,
        heartbeat_timeout=LONG_WORK_HEARTBEAT,
        retry_policy=LONG_WORK_RETRY,
        cancellation_type=when_cancelled,
        summary=Readable(summary),
    )


async def result_of(handle: workflow.ActivityHandle[Result]) -> Result:
    """Wait for the result of an activity; raises RefusedStep."""
    try:
        return await handle
    except ActivityError as error:
        _raise_refusal(error)
        raise


def _show_held_up(summary: str, error: FailureError) -> None:
    """Show in the Web UI what is held up and why, once; it stays until the state is shown again, as after every step."""
    cause = error.cause if isinstance(error, ActivityError) else error
    reason = "It took too long." if isinstance(cause, TakenTooLong) else getattr(cause, "message", "")
    about = f"**Held up: {summary}.**"
    shown = [part for part in workflow.get_current_details().split("\n\n") if not part.startswith(about)]
    workflow.set_current_details("\n\n".join((f"{about} {reason}", *shown)))


def _raise_refusal(error: FailureError) -> None:
    cause = error.cause if isinstance(error, ActivityError) else error
    refusal = as_refusal(cause) if cause is not None else None
    if cause is not None and refusal is not None:
        record = record_beside(cause)
        raise RefusedStep(refusal, CaseRecord.model_validate(record) if record else None) from None

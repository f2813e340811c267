"""A failure of an activity, of any kind, is one sentence of ours in the history: no SQL, no value, no path."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from domain.cancellation.lifecycle import CancellationUnknown
from runtime.refusals import FAULT, FAULT_AFTER, FAULT_AGAIN, RefusalInterceptor, as_refusal
from runtime.temporal import MessageConverter

SECRET = "ada@contoso.example in /srv/offramp: INSERT INTO organizations"


class Failing(ActivityInboundInterceptor):
    """An activity that fails."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ARG002
        try:
            return int(SECRET)
        except ValueError:
            raise self._error  # noqa: B904 - with what it was made of, as careless code has it


async def failed_with(error: BaseException, *, attempt: int = 1) -> BaseException:
    """The error that leaves an activity which fails with another one at an attempt."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt)
    try:
        work: Any = RefusalInterceptor().intercept_activity(Failing(error)).execute_activity
        await environment.run(work, None)
    except BaseException as left:  # noqa: BLE001 - as the SDK does
        return left
    raise AssertionError("it must fail")


async def failure_of(error: BaseException) -> Failure:
    """The failure in a history of an activity that fails with an error."""
    failure = Failure()
    DefaultFailureConverter().to_failure(await failed_with(error), MessageConverter(), failure)
    return failure


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (IntegrityError(SECRET, {"to": SECRET}, ValueError(SECRET)), "database_failed"),
        (OperationalError(SECRET, {"to": SECRET}, ValueError(SECRET)), "database_unavailable"),
        (KeyError(SECRET), "KeyError"),
        (FileNotFoundError(2, "No such file or directory", SECRET), "FileNotFoundError"),
        (ApplicationError("The store has no room.", type="object_store_full"), "object_store_full"),
        (CancellationUnknown("SUB-1"), "cancellation_unknown"),
    ],
)
async def test_what_leaves_an_activity_is_a_sentence_of_ours(error: BaseException, kind: str) -> None:
    failure = await failure_of(error)

    assert failure.application_failure_info.type == kind
    assert "\n" not in failure.message
    assert failure.message.endswith(".")
    assert SECRET not in str(failure)
    assert not failure.HasField("cause")


class Forbidden(Exception):  # noqa: N818 - as PostgreSQL calls it
    """PostgreSQL's error of a constraint, as the driver has it."""

    sqlstate = "23505"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (IntegrityError(SECRET, {}, Forbidden(SECRET)), "records_conflict"),
        (IntegrityError(SECRET, {}, ValueError(SECRET)), "database_failed"),
        (KeyError(SECRET), "step_failed"),
    ],
)
async def test_a_fault_that_time_does_not_mend_carries_its_refusal_from_the_second_attempt_on(
    error: BaseException, code: str
) -> None:
    assert as_refusal(await failed_with(error)) is None

    fault = await failed_with(error, attempt=FAULT_AFTER)
    refusal = as_refusal(fault)
    assert isinstance(fault, ApplicationError)
    assert refusal is not None
    assert (fault.type, fault.next_retry_delay, refusal.code) == (FAULT, FAULT_AGAIN, code)
    assert SECRET not in refusal.model_dump_json()


class Deadlocked(Exception):  # noqa: N818 - as PostgreSQL calls it
    """PostgreSQL's error of a deadlock, as the driver has it."""

    sqlstate = "40P01"


@pytest.mark.parametrize(
    "error",
    [
        OperationalError(SECRET, {}, ValueError(SECRET)),
        OperationalError(SECRET, {}, Deadlocked(SECRET)),
        ConnectionResetError(104, "Connection reset by peer"),
    ],
)
async def test_what_time_mends_is_tried_again_for_ever(error: BaseException) -> None:
    left = await failed_with(error, attempt=1000)
    assert isinstance(left, ApplicationError)
    assert (left.non_retryable, left.type == FAULT, as_refusal(left)) == (False, False, None)


async def test_a_cancellation_leaves_an_activity_as_one() -> None:
    assert (await failure_of(CancelledError("the work is cancelled"))).HasField("canceled_failure_info")


async def test_where_it_failed_is_in_the_workers_log_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    failure = await failure_of(KeyError(SECRET))

    assert "in execute_activity" in caplog.text
    assert SECRET not in caplog.text
    assert len(failure.SerializeToString()) < 4096, "what Temporal shows of a reason"

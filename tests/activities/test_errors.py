"""Whatever an activity fails with, a history keeps one sentence of ours: no SQL, no value, no path."""

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from domain.cancellation.lifecycle import CancellationUnknown
from runtime.refusals import RefusalInterceptor
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


async def failure_of(error: BaseException) -> Failure:
    """What a history keeps of an activity that fails with an error."""
    failure = Failure()
    try:
        await RefusalInterceptor().intercept_activity(Failing(error)).execute_activity(None)  # type: ignore[arg-type]
    except BaseException as left:  # noqa: BLE001 - as the SDK does
        DefaultFailureConverter().to_failure(left, MessageConverter(), failure)
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


async def test_a_cancellation_leaves_an_activity_as_one() -> None:
    assert (await failure_of(CancelledError("the work is cancelled"))).HasField("canceled_failure_info")


async def test_where_it_failed_is_in_the_workers_log_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    failure = await failure_of(KeyError(SECRET))

    assert "in execute_activity" in caplog.text
    assert SECRET not in caplog.text
    assert len(failure.SerializeToString()) < 4096, "what Temporal shows of a reason"
